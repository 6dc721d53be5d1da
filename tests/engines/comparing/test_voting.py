"""`compare-votes`: any number of raters, or one line that says what is wrong, exit 2, and nothing is touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jobs.__main__ import main
from jobs.core.errors import Refusal
from jobs.engines.comparing import sheet_page, voting
from jobs.logic.comparing.sheet import Sheet, drawn
from jobs.logic.comparing.votes import FORMAT
from jobs.logic.judging.pairs import Pair
from jobs.logic.row import Message


def made(runs: Path, name: str = "mine-and-yours", seed: str = "seed") -> Sheet:
    """A sheet of twelve pairs where `compare` leaves it."""
    found = [Pair(f"r{n}", None, (Message("user", "?"),), f"first {n}", f"second {n}") for n in range(12)]
    sheet = drawn(found, seed, "Which?", "en", ("mine", "yours"), 40)
    folder = runs / "compare" / name
    folder.mkdir(parents=True)
    sheet_page.write(sheet, folder)
    return sheet


def save(path: Path, sheet: Sheet, wanted: str, rater: str, num: int = 12, **other: object) -> Path:
    """Votes on the first `num` pairs."""
    sides = [("left" if entry.left == wanted else "right") for entry in sheet.key.pairs]
    votes = [{"pair": n + 1, "vote": side if n < num else None, "comment": ""} for n, side in enumerate(sides)]
    data = {"format": FORMAT, "sheet": sheet.data["sheet"], "key_sha256": sheet.data["key_sha256"], "rater": rater,
            "name": rater, "votes": votes} | other  # fmt: skip
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


def tell(runs: Path, *files: Path, words: tuple[str, ...] = ()) -> int:
    names = ",".join(f"'{file}'" for file in files)
    return main(["compare-votes", f"run.folder={runs}", f"compare.votes=[{names}]", *words])


def state(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_three_raters_are_told_each_and_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = made(tmp_path)
    files = [save(tmp_path / f"{name}.json", sheet, "first", name) for name in ("ann", "bob")]
    files.append(save(tmp_path / "千代 さん.json", sheet, "second", "千代"))
    before = state(tmp_path)
    assert tell(tmp_path, *files) == 0
    out, err = capsys.readouterr()
    assert "net +33.3%" in out
    for word in ("ann", "bob", "千代", "all", "Krippendorff's alpha", "12 with two different answers"):
        assert word in err
    assert state(tmp_path) == before


def test_a_judge_that_was_asked_is_held_against_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = made(tmp_path)
    judged = {entry.id: "first" if n % 2 else "tie" for n, entry in enumerate(sheet.key.pairs)}
    (tmp_path / "compare" / "mine-and-yours" / voting.JUDGED).write_text(json.dumps(judged))
    assert tell(tmp_path, save(tmp_path / "a.json", sheet, "first", "ann")) == 0
    assert "agreement with the judge" in capsys.readouterr().err


def test_the_key_is_found_beside_the_votes_or_by_its_name(tmp_path: Path) -> None:
    sheet = made(tmp_path / "elsewhere")
    key = tmp_path / "elsewhere" / "compare" / "mine-and-yours" / sheet_page.KEY
    votes = save(tmp_path / "a.json", sheet, "first", "ann")
    assert tell(tmp_path / "runs", votes) == 2
    assert tell(tmp_path / "runs", votes, words=(f"compare.key='{key}'",)) == 0
    beside = save(key.parent / "a.json", sheet, "first", "ann")
    assert tell(tmp_path / "runs", beside) == 0


def test_people_are_what_a_judge_is_calibrated_by(tmp_path: Path) -> None:
    sheet = made(tmp_path)
    votes = save(tmp_path / "a.json", sheet, "second", "ann")
    told = json.loads(voting.told([str(votes)], tmp_path, "judge.votes", None))
    assert told == {"raters": 1, "chosen": {f"r{n}": "second" for n in range(12)}}


def test_a_judge_is_told_where_to_put_the_key(tmp_path: Path) -> None:
    votes = save(tmp_path / "a.json", made(tmp_path / "elsewhere"), "first", "ann")
    with pytest.raises(Refusal, match=r"put sheet-key\.json beside it") as no:
        voting.told([str(votes)], tmp_path / "runs", "judge.votes", None)
    assert no.value.words == ()


def test_votes_on_other_answers_are_none_of_a_judge_s(tmp_path: Path) -> None:
    votes = save(tmp_path / "a.json", made(tmp_path), "second", "ann")
    asked = [Pair(f"r{n}", None, (Message("user", "?"),), f"first {n}", f"second {n}") for n in range(20)]
    assert len(voting.read([str(votes)], None, tmp_path, False, "judge.votes", asked).votes) == 1
    asked[3] = Pair("r3", None, (Message("user", "?"),), "another answer", "second 3")
    with pytest.raises(Refusal, match="a sheet of other answers"):
        voting.read([str(votes)], None, tmp_path, False, "judge.votes", asked)


def test_bad_votes_are_one_line_and_exit_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet, other = made(tmp_path), made(tmp_path, "others", "another")
    good = save(tmp_path / "good.json", sheet, "first", "ann")
    no_json = tmp_path / "no.json"
    no_json.write_text("pair,vote\n")
    cases = {
        "another sheet": [good, save(tmp_path / "other.json", other, "first", "bob")],
        "12 of 12 pairs": [],
        "votes on 5 of 12 pairs": [good, save(tmp_path / "half.json", sheet, "first", "bob", 5)],
        "are of one rater": [good, save(tmp_path / "twice.json", sheet, "second", "ann")],
        "is no JSON": [good, no_json],
        "no such file": [good, tmp_path / "missing.json"],
        "is a directory": [tmp_path],
    }
    del cases["12 of 12 pairs"]
    before = state(tmp_path)
    for said, files in cases.items():
        assert tell(tmp_path, *files) == 2
        lines = [line for line in capsys.readouterr().err.splitlines() if not line.startswith(("-> ", "then -> "))]
        assert len(lines) == 1, lines
        assert said in lines[0]
    assert state(tmp_path) == before
    assert tell(tmp_path, *cases["votes on 5 of 12 pairs"], words=("compare.partly=true",)) == 0


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"left": "first"', '"left":  "first"', "was edited"),
        ('"left": "first"', '"left": "second"', "the key was changed"),
    ],
)
def test_an_edited_key_is_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, said: str
) -> None:
    sheet = made(tmp_path)
    key = tmp_path / "compare" / "mine-and-yours" / sheet_page.KEY
    key.write_text(key.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    assert tell(tmp_path, save(tmp_path / "a.json", sheet, "first", "ann")) == 2
    assert said in capsys.readouterr().err


def test_comments_do_not_command_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sheet = made(tmp_path)
    votes = [{"pair": n + 1, "vote": "left", "comment": "\x1b]0;mine\x07 good" * 99} for n in range(12)]
    assert tell(tmp_path, save(tmp_path / "a.json", sheet, "first", "ann", votes=votes, name="\x1b[31mann")) == 0
    out, err = capsys.readouterr()
    assert "\\x1b]0;mine\\x07 good" in err
    assert "\x1b" not in out + err
    assert max(map(len, err.splitlines())) < 400


@pytest.mark.parametrize("text", ["{", "[]", '{"r0": "win"}', '{"r0": ["first"]}'])
def test_damaged_verdicts_of_a_judge_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    sheet = made(tmp_path)
    (tmp_path / "compare" / "mine-and-yours" / voting.JUDGED).write_text(text)
    assert tell(tmp_path, save(tmp_path / "a.json", sheet, "first", "ann")) == 2
    assert "judged.json: is not what a judge said" in capsys.readouterr().err


def test_without_votes_it_says_what_to_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare-votes", f"run.folder={tmp_path}"]) == 2
    assert "compare.votes=[VOTES.json]" in capsys.readouterr().err

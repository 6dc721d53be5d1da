"""`compare` with a judge that qualifies: its cost first, its caps, and a verdict in words on the page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from jobs.core.errors import Exit
from tests.engines.comparing.test_comparison import compare, rows
from tests.judges import KnowingJudge
from tests.scripted_server import ScriptedServer

NUM = 30
PROBES, PROBED = 3, 10
"""Chat calls of a probe of the server, and questions of a probe of the judge."""
KNOWN = PROBES + 2 * (4 * 20 + NUM)
"""Calls: four checks of 20 rows and all pairs, in both orders."""
LINE = r"-> .*compare\.caps\.max_calls=280"
QUESTIONS = [f"{number}番目の記事に題名を付けてください。" for number in range(NUM)]


class World(KnowingJudge):
    """Knows what is right, by question, and takes it where it stands alone."""

    def __init__(self) -> None:
        super().__init__()
        self.right = {question: {f"題名{number}"} for number, question in enumerate(QUESTIONS)}

    def worth(self, article: str, answer: str) -> float:
        right = self.right[article.strip()]
        return 2 if answer.strip() in right else float(any(one in answer for one in right))


def test_what_it_prefers_is_the_verdict_and_stands_on_the_page(
    f16_gguf: Path, q4_gguf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked, world = rows(tmp_path / "asked.jsonl", QUESTIONS), World()
    words = (f"compare.rows=['{asked}']", f"compare.out='{tmp_path / 'out'}'")
    assert compare(tmp_path / "runs", f16_gguf, q4_gguf, *words) == Exit.PASSED
    names = [one["name"] for one in json.loads((tmp_path / "out/compare.json").read_text())["models"]]
    answers = [json.loads(line)["answers"] for line in (tmp_path / "out/answers.jsonl").read_text().splitlines()]
    liked = [one[names[0]]["text"].strip() for one in answers]
    differing = sum(answer != one[names[1]]["text"].strip() for answer, one in zip(liked, answers, strict=True))
    for question, answer in zip(QUESTIONS, liked, strict=True):
        world.right[question].add(answer)
    capsys.readouterr()

    with ScriptedServer(world, models=("marker-9b",)) as server:
        words = (*words, f"compare.judge.url=[{server.url}]", "compare.qualify_rows=20")
        assert compare(tmp_path / "runs", f16_gguf, q4_gguf, *words, "dry=true") == Exit.PASSED
        out = capsys.readouterr().out
        assert out.startswith("compare: estimated by a probe: ")
        assert out.endswith("compare: 60 answers of GGUFs on this machine\n")
        before = server.count
        for more in ((), ("dry=true",)):
            low = (*words, "compare.caps.max_calls=30", *more)
            assert compare(tmp_path / "fresh", f16_gguf, q4_gguf, *low) == Exit.REFUSED
            assert re.search(LINE, err := capsys.readouterr().err)
            assert f"compare.caps.max_calls: about {KNOWN} are needed, the cap is 30" in err
            assert (server.count, world.questions) == (before + PROBES, PROBED)  # known without asking a judge
        for more in ((), ("dry=true",)):
            low = (*words, "compare.caps.max_tokens=3000", *more)
            assert compare(tmp_path / "fresh", f16_gguf, q4_gguf, *low) == Exit.REFUSED
            out, err = capsys.readouterr()
            assert re.search(r"-> .*compare\.caps\.max_tokens=[0-9]+", err)
            assert "compare.caps.max_tokens: about " in err
            assert world.questions == 2 * PROBED  # the probe's questions were kept
        assert out.startswith("compare: estimated by a probe: ")
        assert not (tmp_path / "fresh/compare/answers/gguf.sqlite").exists()  # no model has answered

        assert compare(tmp_path / "runs", f16_gguf, q4_gguf, *words) == Exit.PASSED

    out, err = capsys.readouterr()
    found = json.loads((tmp_path / "out/compare.json").read_text(encoding="utf-8"))
    assert differing > NUM // 2
    assert (found["judge"]["unusable"], found["judge"]["wins"], found["judge"]["losses"]) == ([], differing, 0)
    assert found["verdict"]["word"] == "better"
    assert out == f"better: {found['verdict']['sentence']}\n"
    page = (tmp_path / "out/compare.html").read_text(encoding="utf-8")
    assert f"the judge prefers {names[0]}" in page
    assert found["verdict"]["sentence"] in page
    assert "compare: estimated by a probe: " in err

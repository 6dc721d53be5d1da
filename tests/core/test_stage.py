"""A stage's life: made once, judged often, refused where something changed, never half on disk."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.core.artifact import Artifact, Inputs, write_record
from jobs.core.endings import ending
from jobs.core.errors import Damaged, EnvironmentProblem, Exit, Interrupted, Refusal
from jobs.core.model import Facts, Limits, StageConfig
from jobs.core.rule import Gate
from jobs.core.run_dir import RunDir
from jobs.core.stage import StageMain, differing, stale_because


class ToyFacts(Facts):
    size: int

    def lines(self) -> list[tuple[str, str]]:
        return [("size", str(self.size))]


class ToyLimits(Limits):
    max_size: int


class ToyConfig(StageConfig):
    text: str
    limits: ToyLimits


def toy(name: str = "fetch") -> StageMain[ToyConfig, ToyFacts, ToyLimits]:
    gate = Gate(name, name[:3].upper(), ToyFacts, ToyLimits)

    @gate.rule("001", f"too-big-{name}")
    def too_big(facts: ToyFacts, limits: ToyLimits) -> Iterator[str]:
        """Too big.

        Why: size.
        Fix: less.
        """
        if facts.size > limits.max_size:
            yield f"{facts.size} over {limits.max_size}"

    def run(cfg: ToyConfig, inputs: Inputs, out: Path) -> ToyFacts:
        (out / "text.txt").write_text(cfg.text)
        return ToyFacts(size=len(cfg.text))

    return StageMain(name, ToyConfig, run, gate)


TOY = ToyConfig(text="abc", limits=ToyLimits(max_size=5))


def made(run_dir: RunDir, main: StageMain[Any, Any, Any], text: str = "abc", max_size: int = 5) -> Artifact:
    cfg = ToyConfig(text=text, limits=ToyLimits(max_size=max_size))
    inputs = main.inputs(run_dir, cfg)
    return main.make(run_dir, cfg, inputs, main.key(cfg, inputs), {})


def state_of(run_dir: RunDir, main: StageMain[Any, Any, Any], text: str, max_size: int = 5) -> Any:
    cfg = ToyConfig(text=text, limits=ToyLimits(max_size=max_size))
    return main.state(run_dir, main.key(cfg, main.inputs(run_dir, cfg)))


def test_made_whole_with_a_record(tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path)
    artifact = made(run_dir, toy())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fetch"]
    assert sorted(path.name for path in (tmp_path / "fetch").iterdir()) == ["artifact.json", "text.txt"]
    assert artifact.passed
    assert artifact.file("text.txt").read_text() == "abc"


def test_same_is_done_changed_is_named(tmp_path: Path) -> None:
    run_dir, main = RunDir(tmp_path), toy()
    made(run_dir, main)
    assert state_of(run_dir, main, "abc").kind == "done"
    found = state_of(run_dir, main, "abd")
    assert found.kind == "differs"
    assert found.differences == ("fetch.text is 'abd', it was made with 'abc'",)


def test_limits_judge_again_without_making_again(tmp_path: Path) -> None:
    run_dir, main = RunDir(tmp_path), toy()
    before = made(run_dir, main)
    assert state_of(run_dir, main, "abc", max_size=1).kind == "done"
    after = main.rejudge(before, ToyConfig(text="abc", limits=ToyLimits(max_size=1)), {})
    assert not after.passed
    assert after.digest == before.digest
    assert main.rejudge(after, ToyConfig(text="abc", limits=ToyLimits(max_size=9)), {}).passed


def test_a_changed_file_is_never_opened(tmp_path: Path) -> None:
    run_dir, main = RunDir(tmp_path), toy()
    made(run_dir, main)
    (tmp_path / "fetch" / "text.txt").write_text("abX")
    artifact = run_dir.artifact("fetch")
    assert artifact
    with pytest.raises(Refusal, match="not the ones that were recorded"):
        artifact.file("text.txt")
    (tmp_path / "fetch" / "text.txt").write_text("longer")
    with pytest.raises(Refusal, match="changed after it was made"):
        state_of(run_dir, main, "abc")
    (tmp_path / "fetch" / "artifact.json").write_text("{")
    with pytest.raises(Damaged, match="record is damaged"):
        run_dir.artifact("fetch")


def test_facts_of_another_version_are_damage_that_redo_makes_good(tmp_path: Path) -> None:
    run_dir, main = RunDir(tmp_path), toy()
    before = made(run_dir, main)
    old = before.record.model_copy(update={"facts": {"length": 3}})
    write_record(before.root, old)
    with pytest.raises(Damaged, match="measured by another version of this program; make it again with redo=true"):
        state_of(run_dir, main, "abc")
    assert state_of(run_dir, main, "abd").kind == "differs"


def test_ancestors_must_be_there_passed_and_fresh(tmp_path: Path) -> None:
    run_dir, first, second, third = RunDir(tmp_path), toy("fetch"), toy("prepare"), toy("preflight")
    with pytest.raises(Refusal, match="run `make fetch` first"):
        third.inputs(run_dir, TOY)
    made(run_dir, first, "abcdefgh")
    made(run_dir, second)
    with pytest.raises(Refusal, match=r"its gate said no \(FET001\)"):
        third.inputs(run_dir, TOY)
    made(run_dir, first, "abc")
    artifact = made(run_dir, third)
    assert stale_because(run_dir, artifact) is None
    made(run_dir, first, "xyz")
    assert stale_because(run_dir, artifact) == "`fetch` was made again after it"
    assert state_of(run_dir, third, "abc").differences == ("`fetch` was made again since",)
    made(run_dir, first, "abc")
    assert stale_because(run_dir, artifact) is None


def failing(error: Exception) -> Any:
    def run(cfg: Any, inputs: Any, out: Path) -> Any:
        (out / "half.bin").write_bytes(b"x")
        raise error

    return run


def test_a_crash_leaves_a_partial_folder_that_is_no_artifact(tmp_path: Path) -> None:
    run_dir, main = RunDir(tmp_path), toy()
    main.run = failing(ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        made(run_dir, main)
    assert run_dir.artifact("fetch") is None
    assert (tmp_path / "fetch.partial" / "half.bin").exists()
    main.run = toy().run
    made(run_dir, main)
    assert [path.name for path in tmp_path.iterdir()] == ["fetch"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "half.bin"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
        EnvironmentProblem("1.0 MB are needed and 0.5 MB are free"),
        Refusal("this input is none"),
    ],
)
def test_what_the_machine_had_no_room_for_does_not_stay(tmp_path: Path, error: Exception) -> None:
    run_dir, main = RunDir(tmp_path), toy()
    main.run = failing(error)
    with pytest.raises(type(error)):
        made(run_dir, main)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Refusal("no"), Exit.REFUSED),
        (EnvironmentProblem("no"), Exit.ENVIRONMENT),
        (Interrupted("SIGTERM"), Exit.INTERRUPTED),
        (KeyboardInterrupt(), Exit.INTERRUPTED),
        (OSError(errno.ENOSPC, "No space left on device", "x"), Exit.ENVIRONMENT),
        (OSError(errno.ENOENT, "No such file", "x"), Exit.CRASHED),
        (RuntimeError("I/O error: No space left on device (os error 28)"), Exit.ENVIRONMENT),
        (OSError(errno.EMFILE, "Too many open files", "x"), Exit.ENVIRONMENT),
        (OSError(errno.EFBIG, "File too large", "x"), Exit.ENVIRONMENT),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "x"), Exit.ENVIRONMENT),
        (MemoryError(), Exit.ENVIRONMENT),
        (ValueError("bug"), Exit.CRASHED),
    ],
)
def test_every_ending_has_its_code(error: BaseException, code: Exit) -> None:
    def work() -> int:
        raise error

    assert ending("toy", work) == code


def test_a_run_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(Refusal, match="cannot be made or written to"), RunDir(tmp_path / "run").lock():
        pass


def test_a_record_holds_no_time_in_its_digest(tmp_path: Path) -> None:
    first = made(RunDir(tmp_path / "a"), toy())
    second = made(RunDir(tmp_path / "b"), toy())
    assert first.digest == second.digest
    assert json.loads((tmp_path / "a" / "fetch" / "artifact.json").read_text())["made_by"]["seconds"] >= 0
    assert differing("fetch", first.record.key, second.record.key) == []


def test_an_edited_record_is_refused(tmp_path: Path) -> None:
    run_dir = RunDir(tmp_path)
    made(run_dir, toy(), "abcdefgh")
    path = tmp_path / "fetch" / "artifact.json"
    path.write_text(path.read_text().replace('"size": 8', '"size": 3'))
    with pytest.raises(Refusal, match="was edited after it was written"):
        run_dir.artifact("fetch")


def test_stale_is_seen_through_two_generations(tmp_path: Path) -> None:
    run_dir, first, second, third = RunDir(tmp_path), toy("fetch"), toy("prepare"), toy("preflight")
    made(run_dir, first)
    made(run_dir, second)
    artifact = made(run_dir, third)
    train = made(run_dir, toy("train"))
    made(run_dir, first, "xyz")
    assert stale_because(run_dir, artifact) == "`fetch` was made again after it"
    assert stale_because(run_dir, train) == "`fetch` was made again after it"


class OrderedFacts(Facts):
    found: dict[str, int]

    def lines(self) -> list[tuple[str, str]]:
        return []


def test_a_verdict_is_the_same_of_facts_that_are_read_back(tmp_path: Path) -> None:
    """A record has its keys in order; a rule that follows a dictionary must find it when it judges first."""
    gate = Gate("fetch", "FET", OrderedFacts, ToyLimits)

    @gate.rule("001", "anything-found")
    def anything_found(facts: OrderedFacts, limits: ToyLimits) -> Iterator[str]:
        """Anything was found.

        Why: order.
        Fix: none.
        """
        yield from facts.found

    def run(cfg: ToyConfig, inputs: Inputs, out: Path) -> OrderedFacts:
        return OrderedFacts(found={"b": 1, "a": 2})

    main, cfg = StageMain("fetch", ToyConfig, run, gate), ToyConfig(text="abc", limits=ToyLimits(max_size=5))
    artifact = main.make(RunDir(tmp_path), cfg, {}, main.key(cfg, {}), {})
    assert artifact.record.verdict.failing[0].messages == ["a", "b"]
    assert main.rejudge(artifact, cfg, {}) is artifact

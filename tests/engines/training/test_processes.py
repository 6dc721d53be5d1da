"""Several processes train as one does: the same steps, one result, and a stop that costs nothing."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from accelerate.data_loader import SeedableRandomSampler

from jobs.core import process
from jobs.core.errors import Interrupted, Refusal
from jobs.engines.training import processes as sft_processes, ranks, run as sft_run, saving, sft
from tests.engines.training import tiny_sft

NUM_TRAIN, NUM_VAL = 21, 9  # neither can be dealt out evenly
TOLERANCE = 1e-6
"""Relative, of losses: two processes add the same numbers up in another order."""
started = pytest.mark.processes


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tiny_sft.write_base(tmp_path_factory.mktemp("base"))
    tiny_sft.write_rows(folder, NUM_TRAIN, NUM_VAL)
    return folder


def fit(base: Path, out: Path, **changes: Any) -> sft_run.Outcome:
    files = [base / "train.jsonl", base / "val.jsonl"]
    return sft_processes.fit(tiny_sft.settings(2, **changes), tiny_sft.places(base, out), files)


@pytest.fixture(scope="module")
def two(base: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, sft_run.Outcome]:
    out = tmp_path_factory.mktemp("two") / "out"
    return out, fit(base, out)


def row_losses(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "row_losses.jsonl").read_text().splitlines()]


def log(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


@started
def test_two_processes_take_the_steps_of_one(base: Path, two: tuple[Path, sft_run.Outcome], tmp_path: Path) -> None:
    rows = tiny_sft.rows(NUM_TRAIN, 1), tiny_sft.rows(NUM_VAL, 2)
    one = sft_run.fit(tiny_sft.settings(), tiny_sft.places(base, tmp_path / "one"), *rows)
    out, outcome = two
    assert outcome.best_eval_loss == pytest.approx(one.best_eval_loss, rel=TOLERANCE)
    assert (outcome.num_steps, outcome.steps_per_epoch, outcome.chosen_step) == (12, 6, one.chosen_step)
    assert len(log(out)) == len(log(tmp_path / "one"))
    for here, there in zip(log(out), log(tmp_path / "one"), strict=True):
        assert here["step"] == there["step"]
        assert here.get("graded_tokens") == there.get("graded_tokens")
        for name in ("loss", "content_loss", "eval_loss", "eval_content_loss", "eval_template_loss"):
            assert here.get(name, 0.0) == pytest.approx(there.get(name, 0.0), rel=TOLERANCE), (name, here["step"])
        assert here.get("grad_norm", 0.0) == pytest.approx(there.get("grad_norm", 0.0), rel=1e-5)
    (rows_here, *found), (rows_there, *expected) = row_losses(out), row_losses(tmp_path / "one")
    assert rows_here == rows_there
    for got, wanted in zip(found, expected, strict=True):
        assert got["step"] == wanted["step"]
        assert got["content"] == pytest.approx(wanted["content"], rel=TOLERANCE)


@started
def test_two_nodes_take_the_same_steps(
    base: Path, two: tuple[Path, sft_run.Outcome], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    meeting = {
        "PET_NNODES": "2", "PET_RDZV_BACKEND": "c10d", "PET_RDZV_ENDPOINT": f"127.0.0.1:{port}", "PET_RDZV_ID": "t",
        "PET_LOCAL_ADDR": "127.0.0.1", "GLOO_SOCKET_IFNAME": "lo",
    }  # fmt: skip
    for name, value in meeting.items():
        monkeypatch.setenv(name, value)
    out = tmp_path / "out"
    other = threading.Thread(target=second_node, args=(out / "processes" / sft_processes.JOB,))
    other.start()
    files = [base / "train.jsonl", base / "val.jsonl"]
    outcome = sft_processes.fit(tiny_sft.settings(1), tiny_sft.places(base, out), files)
    other.join()
    assert (outcome.num_steps, outcome.chosen_step) == (two[1].num_steps, two[1].chosen_step)
    assert outcome.best_eval_loss == pytest.approx(two[1].best_eval_loss, rel=TOLERANCE)


def second_node(job: Path) -> None:
    """What the other pods of k8s/examples/several-nodes do, with one process."""
    deadline = time.monotonic() + 240
    while not job.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    words = [sys.executable, "-m", "jobs.engines.training.processes", "1", str(job)]
    subprocess.run(words, env=process.environment(), timeout=240, check=False)


@pytest.mark.parametrize(("nodes", "num", "expected"), [("", 1, False), ("1", 1, False), ("2", 1, True), ("", 2, True)])
def test_who_else_trains(nodes: str, num: int, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PET_NNODES", raising=False)
    if nodes:
        monkeypatch.setenv("PET_NNODES", nodes)
    assert sft_processes.several(num) is expected


@started
def test_there_is_one_result(two: tuple[Path, sft_run.Outcome]) -> None:
    out, outcome = two
    assert sorted(path.name for path in out.iterdir()) == [
        "adapter", "checkpoints", "log.jsonl", "row_losses.jsonl", "saving",
    ]  # fmt: skip
    newest = out / "checkpoints" / f"step-{outcome.num_steps}"
    assert {path.name for path in newest.iterdir()} == {*saving.state_files(2), "manifest.json"}


@started
def test_a_stop_reaches_every_process_and_costs_nothing(
    base: Path, two: tuple[Path, sft_run.Outcome], tmp_path: Path
) -> None:
    out = tmp_path / "stopped"
    with (
        tiny_sft.stopped_after_a_step(out / "log.jsonl"),
        pytest.raises(Interrupted, match=r"step \d+ of 12 is saved"),
    ):
        fit(base, out)
    fit(base, out)
    for name in ("adapter/adapter_model.safetensors", "log.jsonl"):
        assert (out / name).read_bytes() == (two[0] / name).read_bytes(), name


@started
def test_a_stop_in_an_evaluation_is_answered_by_every_process_after_the_same_batch(
    base: Path, two: tuple[Path, sft_run.Outcome], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    places, folder = tiny_sft.places(base, out), out / "processes"
    folder.mkdir()
    job = {"settings": asdict(tiny_sft.settings(2)), "places": asdict(places),
           "row_files": [base / "train.jsonl", base / "val.jsonl"]}  # fmt: skip
    (folder / sft_processes.JOB).write_text(json.dumps(job, default=str))
    words = ["torch.distributed.run", "--nproc-per-node=2", "--local-addr=127.0.0.1", "-m"]
    worker = ["tests.engines.training.stopping_worker", str(folder / sft_processes.JOB)]
    done = subprocess.run(
        [sys.executable, "-m", *words, *worker], env=sft_processes.environment(2), timeout=240, check=False
    )
    assert done.returncode == 0
    for rank in (0, 1):
        ending = json.loads((folder / f"ending-{rank}.json").read_text())
        assert ending == {"kind": "interrupted", "text": "step 3 of 12 is saved"}
        assert json.loads((folder / f"passes-{rank}.json").read_text()) == {"train": 3, "eval": 3}
    assert [line["step"] for line in log(out)] == [0, 1, 2, 3]
    assert "eval_loss" not in log(out)[-1]
    fit(base, out)
    for name in ("adapter/adapter_model.safetensors", "log.jsonl"):
        assert (out / name).read_bytes() == (two[0] / name).read_bytes(), name


def test_a_stop_before_the_first_step_waits_for_none(base: Path, tmp_path: Path) -> None:
    asked = tmp_path / "stop"
    asked.touch()
    places = tiny_sft.places(base, tmp_path / "out")
    with pytest.raises(Interrupted, match="nothing was trained yet"):
        sft_run.fit(tiny_sft.settings(), places, tiny_sft.rows(NUM_TRAIN, 1), tiny_sft.rows(NUM_VAL, 2), asked)
    assert not list(places.out.iterdir())


@started
def test_what_a_process_refuses_the_stage_refuses(base: Path, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="q_projj match no linear layer"):
        fit(base, tmp_path / "out", targets=["v_proj", "q_projj"])


@pytest.mark.parametrize(
    ("batch", "accumulation", "processes", "shared"),
    [(4, 4, 1, (4, 4)), (4, 4, 2, (4, 2)), (8, 1, 2, (4, 1)), (8, 1, 8, (1, 1)), (6, 2, 4, (3, 1)), (3, 4, 2, (3, 2))],
)
def test_a_step_is_shared_out(batch: int, accumulation: int, processes: int, shared: tuple[int, int]) -> None:
    whole = sft.Schedule(**{**tiny_sft.SCHEDULE, "batch_size": batch, "gradient_accumulation": accumulation})
    share = whole.shared(processes)
    assert (share.batch_size, share.gradient_accumulation) == shared
    assert processes * share.batch_size * share.gradient_accumulation == batch * accumulation


def test_a_step_that_cannot_be_shared_out_is_refused() -> None:
    with pytest.raises(Refusal, match=r"train.num_processes=3: 2 x 2 rows a step"):
        sft.Schedule(**tiny_sft.SCHEDULE).shared(3)


@pytest.mark.parametrize("epoch", [0, 1, 5])
def test_rows_come_in_the_order_of_one_process(epoch: int) -> None:
    one = SeedableRandomSampler(range(NUM_TRAIN), data_seed=7)
    several = ranks.FilledShuffle(NUM_TRAIN, 24, 7)
    one.set_epoch(epoch)
    several.set_epoch(epoch)
    assert list(several) == [*one, 21, 22, 23]
    assert len(several) == 24


def test_fillers_grade_nothing() -> None:
    rows = ranks.filled(tiny_sft.rows(5, 1), 4, 0)
    assert [sum(label != -100 for label in row["labels"][1:]) for row in rows] == [3] * 5 + [0] * 3
    assert ranks.filled(rows, 4, 0) == rows

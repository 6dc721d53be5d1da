"""Logs of losses in every form that trainers write."""

import json
import math
from pathlib import Path

import pytest

from jobs.engines.diagnosing import logs, recipe_files
from jobs.engines.diagnosing.boundary import Unreadable
from jobs.engines.diagnosing.looking import look
from jobs.logic.diagnosing.log_seen import LogSeen

STATE = {
    "log_history": [
        {"loss": 2.5, "grad_norm": 1.0, "learning_rate": 1e-4, "epoch": 0.5, "step": 1},
        {"eval_loss": 2.0, "epoch": 1.0, "step": 2},
        {"loss": float("nan"), "grad_norm": float("nan"), "learning_rate": 0.0, "epoch": 1.0, "step": 2},
        {"train_runtime": 3.0, "train_loss": 1.0, "epoch": 1.0, "step": 2},
    ],
    "max_steps": 2,
}


def read(folder: Path, name: str, text: str) -> LogSeen:
    (folder / name).write_text(text, encoding="utf-8")
    return logs.read(folder / name)


def test_a_trainers_state(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-2").mkdir()
    found = read(tmp_path / "checkpoint-2", "trainer_state.json", json.dumps(STATE))
    assert [(one.step, one.learning_rate) for one in found.steps] == [(1, 1e-4), (2, 0.0)]
    assert math.isnan(found.steps[1].loss)
    assert [(one.step, one.loss) for one in found.evaluations] == [(2, 2.0)]
    assert (found.num_planned, found.saved_steps, found.is_ours) == (2, (2,), False)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("log.jsonl", '{"step": 1, "loss": 2.5}\n{"step": 2, "loss": 2.0, "eval_loss": 1.5}\n'),
        ("log.csv", "step,loss,eval_loss\n1,2.5,\n2,2.0,1.5\n"),
        ("log.tsv", "Step\tTraining Loss\tValidation Loss\n1\t2.5\t\n2\t2.0\t1.5\n"),
        ("console.log", "x {'loss': '2.5', 'epoch': 0.5}\n{'loss': 2.0, 'epoch': 1}\n{'eval_loss': 1.5, 'epoch': 1}"),
    ],
)
def test_every_form_says_the_same(tmp_path: Path, name: str, text: str) -> None:
    found = read(tmp_path, name, text)
    assert [(one.step, one.loss) for one in found.steps] == [(1, 2.5), (2, 2.0)]
    assert [(one.step, one.loss) for one in found.evaluations] == [(2, 1.5)]


def test_our_own_log(tmp_path: Path) -> None:
    lines = [
        {"step": 0, "epoch": 0, "eval_loss": 3.0, "eval_content_loss": 3.5, "eval_row_losses": [3.0, 4.0]},
        {"step": 1, "epoch": 1, "loss": "nan", "graded_tokens": 10, "learning_rate": 0.001},
    ]
    found = read(tmp_path, "log.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    assert found.is_ours
    assert math.isnan(found.steps[0].loss)
    assert found.evaluations[0].row_losses == (3.0, 4.0)


def test_lines_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    found = read(tmp_path, "log.jsonl", '{"step": 1, "loss": 2.5}\n{"step": 2, "lo')
    assert (len(found.steps), found.num_cut_lines) == (1, 1)


def test_of_a_large_log_both_ends_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MOST_BYTES", 2000)
    lines = [json.dumps({"step": step, "loss": 1.0}) + "\n" for step in range(1, 1000)]
    found = read(tmp_path, "log.jsonl", "".join(lines))
    assert (found.steps[0].step, found.steps[-1].step) == (1, 999)
    assert found.num_bytes_left_out == sum(map(len, lines)) - 2000
    assert found.num_cut_lines == 0
    (taken,) = recipe_files.read(look([tmp_path])).looked.taken
    assert taken.why.endswith("between its beginning and its end were not read")


@pytest.mark.parametrize("text", ['{"a": 1}', "[]", "nothing", '{"log_history": 3}'])
def test_a_log_without_losses_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Unreadable):
        read(tmp_path, "trainer_state.json", text)

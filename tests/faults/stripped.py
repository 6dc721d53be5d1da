"""What a stranger would have of a run of ours: rows, log, base, adapter, GGUFs and ten answers of each; no record.

`python -m tests.faults.stripped RUN ROWS FOLDER`: the validation losses are left out too, where nothing was validated.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

NUM_ANSWERS = 10


def stripped(run: Path, rows: Path, into: Path, evaluates: bool = False) -> Path:
    """Write the folder."""
    into.mkdir(parents=True)
    shutil.copyfile(rows, into / "rows.jsonl")
    log = [json.loads(line) for line in (run / "train/log.jsonl").read_text(encoding="utf-8").splitlines()]
    wanted = ("loss", "eval_loss") if evaluates else ("loss",)
    shown = (*wanted, "grad_norm", "learning_rate", "epoch", "step")
    kept = [{key: line[key] for key in shown if key in line} for line in log if any(key in line for key in wanted)]
    last = {"global_step": kept[-1]["step"], "max_steps": kept[-1]["step"], "epoch": kept[-1]["epoch"]}
    state = {"log_history": kept, **last}
    (into / "trainer_state.json").write_text(json.dumps(state, indent=1))
    for name, folder in (("adapter", "train/adapter"), ("base", "fetch/model"), ("merged", "merge/model")):
        shutil.copytree(run / folder, into / name, copy_function=os.link)
    for path in (*(run / "convert").glob("model-f16.gguf"), *(run / "quantize").glob("*.gguf")):
        os.link(path, into / path.name)
    answers(run / "verify/generations.jsonl", into)
    return into


def answers(generations: Path, into: Path) -> None:
    """Ten of each GGUF, under the prompt that a server makes by itself."""
    found: dict[str, list[str]] = {}
    for line in generations.read_text(encoding="utf-8").splitlines():
        one = json.loads(line)
        if one["prompt"] == "default" and len(found.setdefault(one["model"], [])) < NUM_ANSWERS:
            said = {"answer": one["text"], "reference": one["reference"], "stopped": one["stopped"]}
            found[one["model"]].append(json.dumps(said, ensure_ascii=False) + "\n")
    for model, lines in found.items():
        if model in ("F16", "Q4_K_M"):
            (into / f"answers-{model}.jsonl").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    stripped(*(Path(word) for word in sys.argv[1:4]))

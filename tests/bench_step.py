"""The wrapper's share of a training step: the engine's trainer against a bare TRL SFTTrainer.

`python -m tests.bench_step RUN BLOCKS STEPS` is the process that measures: two trainers over the same token rows, each
with a model of its own that began as the other's, take blocks of steps in turn. A block is one `train()`, so both see
the same batches in the same order every time, and steps can be compared in pairs.

On a shared machine pairs differ by more than the wrapper costs. So the wrapper's own functions are timed as well, and
the share is theirs.
"""

from __future__ import annotations

import itertools
import json
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobs.core import terminal
from jobs.core.run_dir import RunDir
from tests.bench_rows import Row, child

GOAL = 0.01


def measure(options: Any) -> list[Row]:
    """Medians a step, the ratio of pairs, and where the wrapper's time goes."""
    found = child("bench_step", options.run, str(options.blocks), str(options.steps))
    share, cpu = found["share"], found["cpu"]
    wall_low, wall_ratio, wall_high = quarters(found["pairs"])
    cpu_low, cpu_ratio, cpu_high = quarters(found["cpu_pairs"])
    size = f"{len(found['pairs'])} steps of {found['accumulation']} x {found['batch_size']} rows"
    wall = f"{size}; half of the pairs {wall_low:.3f} to {wall_high:.3f}"
    rows = [
        Row("our loop", found["ours"], "s/step", wall_ratio, wall),
        Row("bare TRL", found["bare"], "s/step", None, "same rows, model and SFTConfig"),
        Row("our loop, CPU time", cpu["ours"], "s/step", cpu_ratio, f"half {cpu_low:.3f} to {cpu_high:.3f}"),
        Row("bare TRL, CPU time", cpu["bare"], "s/step"),
        Row("losses differ by", found["loss_difference"], "nats", None, "at most, in the first block"),
        Row("the wrapper's own code", sum(share.values()) * 1000, "ms/step", sum(share.values()) / found["ours"],
            f"ratio: share of a step; goal under {GOAL}"),
    ]  # fmt: skip
    for name, seconds in share.items():
        rows.append(Row(f"  {name}", seconds * 1000, "ms/step", seconds / found["ours"]))
    return rows + beside_steps(found)


def beside_steps(found: dict[str, Any]) -> list[Row]:
    """What a checkpoint and an evaluation cost; neither is in the time of a step."""
    saved, evaluated = found["checkpoint"], found["evaluation"]
    return [
        Row("a checkpoint: publish", saved["ours"] * 1000, "ms", saved["ours"] / found["ours"],
            f"ratio: of a step; TRL wrote it in {saved['trl'] * 1000:,.0f} ms"),
        Row("an evaluation: tally", evaluated["tally"] * 1000, "ms", evaluated["tally"] / evaluated["ours"],
            "ratio: of the evaluation"),
        Row("an evaluation: all of it", evaluated["ours"], "s", evaluated["ours"] / evaluated["bare"],
            f"ratio: to bare TRL's {evaluated['bare']:.2f} s"),
    ]  # fmt: skip


def quarters(values: list[float]) -> list[float]:
    """Lower quartile, median, upper quartile."""
    return statistics.quantiles(values, n=4) if len(values) > 1 else values * 3


class Clock:
    """Seconds and calls by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.calls: dict[str, int] = defaultdict(int)

    def around(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, its time added under `name`."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.seconds[name] += time.perf_counter() - started
                self.calls[name] += 1

        return timed

    def mean(self, name: str) -> float:
        return self.seconds[name] / max(self.calls[name], 1)


def main(run: Path, blocks: int, steps: int) -> dict[str, Any]:
    """Blocks in turn, then one checkpoint and one evaluation of each side."""
    with tempfile.TemporaryDirectory() as folder, terminal.progress("bench: our loop", steps) as bar:
        sides, keeper = trainers(run, Path(folder), steps, bar)
        clocks = {name: instrumented(trainer) for name, trainer in sides.items()}
        own_callbacks(sides["ours"], clocks["ours"])
        times: dict[str, list[tuple[float, float]]] = {"bare": [], "ours": []}
        losses: dict[str, list[float]] = {}
        for block in range(blocks):
            for name in ("bare", "ours") if block % 2 == 0 else ("ours", "bare"):
                times[name] += one_block(sides[name], steps)
                losses.setdefault(name, [one["loss"] for one in sides[name].state.log_history if "loss" in one])
        accumulation = sides["ours"].args.gradient_accumulation_steps
        more = fetch_seconds(sides["ours"]) - fetch_seconds(sides["bare"])
        share = {"rows from the dataset, beyond TRL's": more * accumulation, **shares(clocks, accumulation)}
        return {
            **{name: statistics.median(wall for wall, _ in values) for name, values in times.items()},
            "cpu": {name: statistics.median(cpu for _, cpu in values) for name, values in times.items()},
            "pairs": [ours[0] / bare[0] for ours, bare in zip(times["ours"], times["bare"], strict=True)],
            "cpu_pairs": [ours[1] / bare[1] for ours, bare in zip(times["ours"], times["bare"], strict=True)],
            "loss_difference": max(abs(a - b) for a, b in zip(losses["ours"], losses["bare"], strict=True)),
            "share": share,
            "accumulation": accumulation,
            "batch_size": sides["ours"].args.per_device_train_batch_size,
            "checkpoint": checkpoint_seconds(sides["ours"], keeper),
            "evaluation": evaluation_seconds(sides, clocks["ours"]),
        }


def trainers(run: Path, folder: Path, steps: int, bar: terminal.Progress) -> tuple[dict[str, Any], Any]:
    """({"bare", "ours"}, the engine's keeper) with the values of the run's own record."""
    from datasets import Dataset
    from transformers import AutoTokenizer, PrinterCallback
    from trl import SFTTrainer

    from jobs.engines.training import sft, trl_cpu
    from jobs.engines.training.callbacks import Follower, Keeper

    artifact = RunDir(run).artifact("train")
    assert artifact is not None
    cfg = artifact.record.key.config
    lora = sft.Lora(**cfg["lora"])
    schedule = sft.Schedule(**{**cfg["schedule"], "padding": True})  # the same batches; `layout` is a part of its own
    rows = [token_rows(run / "preflight" / name) for name in ("train.jsonl", "val.jsonl")]
    base, tokenizer, target = run / "fetch" / "model", run / "preflight" / "tokenizer", sft.resolve_device("auto")
    trl_cpu.install(target == "cpu")

    def ready(work: Path) -> tuple[Any, Any]:
        model = sft.load_hf(base, lora, cfg["dtype"], target, cfg["seed"], 0)
        args = sft.arguments(schedule, len(rows[0]), work, cfg["seed"], "none", "bench", target == "cpu", False, 1)
        args.max_steps = steps + 1  # a block stops before the last step, at which the engine would evaluate
        args.save_strategy = args.eval_strategy = "no"
        return model, args

    model, args = ready(folder / "bare")
    columns = [Dataset.from_list([{k: row[k] for k in ("input_ids", "labels")} for row in part]) for part in rows]
    bare = SFTTrainer(
        model=model, args=args, train_dataset=columns[0], eval_dataset=columns[1],
        processing_class=AutoTokenizer.from_pretrained(str(tokenizer)),
    )  # fmt: skip
    bare.remove_callback(PrinterCallback)
    keeper = Keeper(folder / "checkpoints", 0, schedule.keep_checkpoints, steps)
    follower = Follower(folder / "log.jsonl", bar)
    model, args = ready(folder / "ours")
    return {
        "bare": bare,
        "ours": sft.trainer(model, tokenizer, rows[0], rows[1], args, [keeper, follower], 0.0, None),
    }, keeper


def token_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def instrumented(trainer: Any) -> Clock:
    """Time a trainer's collator, loss and log, whole and TRL's part of them, which is all of a bare trainer's."""
    from trl import SFTTrainer

    clock = Clock()
    trainer.data_collator = clock.around("collator", trainer.data_collator)
    for name in ("compute_loss", "log"):
        whole, stock = getattr(trainer, name), getattr(SFTTrainer, name)
        setattr(trainer, name, clock.around(name, whole))
        setattr(SFTTrainer, name, of_one(trainer, clock.around(f"trl {name}", stock), stock))
    return clock


def of_one(trainer: Any, timed: Callable[..., Any], stock: Callable[..., Any]) -> Callable[..., Any]:
    """A method of a class that is timed for one object of it."""

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return (timed if self is trainer else stock)(self, *args, **kwargs)

    return method


def own_callbacks(trainer: Any, clock: Clock) -> None:
    """Time the engine's callbacks, which transformers calls within `log` and between steps."""
    for callback in trainer.callback_handler.callbacks:
        if type(callback).__module__.startswith("jobs."):
            for event in ("on_log", "on_step_end"):
                setattr(callback, event, clock.around(f"{type(callback).__name__}.{event}", getattr(callback, event)))


def one_block(trainer: Any, steps: int) -> list[tuple[float, float]]:
    """Train from step 0 with the weights as they are; (wall, CPU) seconds of every step but the first."""
    from transformers import TrainerCallback

    ends: list[tuple[float, float]] = []

    class Ends(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            ends.append((time.perf_counter(), time.process_time()))
            control.should_training_stop = state.global_step >= steps

    for callback in trainer.callback_handler.callbacks:
        if type(callback).__name__ == "Follower":
            callback.written = 0  # this train() begins a new history
    ending = Ends()
    trainer.add_callback(ending)
    trainer.train()
    trainer.remove_callback(ending)
    return [(after[0] - before[0], after[1] - before[1]) for before, after in itertools.pairwise(ends)]


def shares(clocks: dict[str, Clock], accumulation: int) -> dict[str, float]:
    """Seconds a step in each of the wrapper's parts, beyond what TRL would spend there."""
    ours, bare = clocks["ours"], clocks["bare"]
    events = [name for name in ours.seconds if "." in name]
    return {
        "collator, beyond TRL's": (ours.mean("collator") - bare.mean("collator")) * accumulation,
        "content and template tally": (ours.mean("compute_loss") - ours.mean("trl compute_loss")) * accumulation,
        "log, beyond TRL's": ours.mean("log") - ours.mean("trl log"),
        "callbacks": sum(ours.mean(name) for name in events),
    }


def fetch_seconds(trainer: Any, times: int = 50) -> float:
    """Median seconds to take one batch of rows out of the dataset: ours has a column more."""
    wanted, found = list(range(trainer.args.per_device_train_batch_size)), []
    for _ in range(times):
        started = time.perf_counter()
        trainer.train_dataset.__getitems__(wanted)
        found.append(time.perf_counter() - started)
    return statistics.median(found)


def checkpoint_seconds(trainer: Any, keeper: Any) -> dict[str, float]:
    """Writing one checkpoint, which any loop does, and publishing it, which is ours."""
    started = time.perf_counter()
    trainer._save_checkpoint(trainer.model, trial=None)
    written = time.perf_counter()
    keeper.on_save(trainer.args, trainer.state, trainer.control)
    published = time.perf_counter()
    shutil.rmtree(keeper.folder)
    return {"trl": written - started, "ours": published - written}


def evaluation_seconds(sides: dict[str, Any], clock: Clock) -> dict[str, float]:
    """The better of two evaluations of each side, and the tally's part in ours."""
    times: dict[str, list[float]] = {"bare": [], "ours": []}
    clock.seconds.clear()
    for name in ("bare", "ours", "ours", "bare"):
        started = time.perf_counter()
        sides[name].evaluate()
        times[name].append(time.perf_counter() - started)
    tally = (clock.seconds["compute_loss"] - clock.seconds["trl compute_loss"]) / len(times["ours"])
    return {**{name: min(values) for name, values in times.items()}, "tally": tally}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))

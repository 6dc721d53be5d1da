"""What a checkpoint of training holds, and how one is made where the trainer itself would not save.

Only at the end of a step, before or after its evaluation, is there a state that training can go on from. After a stop
that comes between batches, what is saved is the state of that moment: the weights have not moved since, and the random
numbers that were drawn are put back.
"""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import TrainerState

from jobs.engines.training import ranks

ADAPTER, STATE = "adapter_model.safetensors", "trainer_state.json"
OPTIMIZER, SCHEDULER = "optimizer.pt", "scheduler.pt"


def state_files(num_processes: int) -> tuple[str, ...]:
    """What resuming needs: without one of them the trainer goes on without a word, from another state."""
    ranks_files = [f"rng_state_{rank}.pth" for rank in range(num_processes)]
    return (ADAPTER, OPTIMIZER, SCHEDULER, STATE, *(ranks_files if num_processes > 1 else ["rng_state.pth"]))


@dataclass(frozen=True)
class RandomState:
    """The random numbers that come next in this process."""

    python: Any
    numpy: Any
    cpu: torch.Tensor
    cuda: torch.Tensor | None

    @classmethod
    def now(cls) -> RandomState:
        cuda = torch.cuda.get_rng_state() if torch.cuda.is_available() else None
        return cls(random.getstate(), np.random.get_state(), torch.get_rng_state(), cuda)

    def put_back(self) -> None:
        random.setstate(self.python)
        np.random.set_state(self.numpy)
        torch.set_rng_state(self.cpu)
        if self.cuda is not None:
            torch.cuda.set_rng_state(self.cuda)


def load_state(checkpoint: Path) -> TrainerState:
    """Where training was."""
    return TrainerState.load_from_json(str(checkpoint / STATE))


def evaluation_is_due(state: TrainerState) -> bool:
    """Whether the step has an evaluation that was not finished; nothing is trained before it is."""
    step = state.global_step
    planned = step > 0 and (step % state.eval_steps == 0 or step >= state.max_steps)
    return planned and not any("eval_loss" in entry and entry["step"] == step for entry in state.log_history)


def save(trainer: Any, random_state: RandomState) -> None:
    """Save the end of the last whole step, with the random numbers of that moment."""
    random_state.put_back()
    trainer._save_checkpoint(trainer.model, None)
    trainer.callback_handler.on_save(trainer.args, trainer.state, trainer.control)


def evaluate(trainer: Any, checkpoint: Path) -> None:
    """The evaluation that is due at a checkpoint, whose adapter is in the model; the checkpoint then has it."""
    trainer._load_rng_state(str(checkpoint))
    trainer.evaluate()
    trainer.model._is_accelerate_prepared = False  # or several processes would each train alone, without DDP around it
    work = Path(trainer.args.output_dir) / f"checkpoint-{trainer.state.global_step}"
    work.mkdir(parents=True, exist_ok=True)
    if ranks.first():
        for name in (ADAPTER, OPTIMIZER, SCHEDULER):
            shutil.copyfile(checkpoint / name, work / name)
        trainer.state.save_to_json(str(work / STATE))
    trainer._save_rng_state(str(work))
    trainer.callback_handler.on_save(trainer.args, trainer.state, trainer.control)

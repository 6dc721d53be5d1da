"""Forward passes of the tiny model, counted, and something done in one of them: a stop, asked for by a real signal."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch.nn.modules.module import register_module_forward_pre_hook
from transformers import Qwen3ForCausalLM

from jobs.core import process


def stop() -> None:
    signal.raise_signal(signal.SIGTERM)


@contextmanager
def passes(at: tuple[str, int] | None = None, do: Callable[[], object] = stop) -> Iterator[dict[str, int]]:
    """Counts passes in this process by kind, `train` or `eval`; in the one that is number `at[1]` of its kind `do`."""
    counted = {"train": 0, "eval": 0}

    def count(module: Any, inputs: Any) -> None:
        if isinstance(module, Qwen3ForCausalLM):
            kind = "train" if module.training else "eval"
            counted[kind] += 1
            if at == (kind, counted[kind]):
                do()

    before = {number: signal.getsignal(number) for number in process.STOPS}
    process.install_stop_handlers()
    hook = register_module_forward_pre_hook(count)
    try:
        yield counted
    finally:
        hook.remove()
        for number, handler in before.items():
            signal.signal(number, handler)
        process._Stop.requested = False
        process._Stop.answered = process._Stop.said = float("-inf")

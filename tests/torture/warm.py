"""Commands forked from one warm process: what a cold `python -m jobs ...` spends on imports is spent once.

A child runs the same code as a cold start: only the interpreter's start and the imports of outside packages are
skipped. Where the code under test starts another Python (`-m jobs.train`, llama.cpp's converter), that is forked as
well; every other program is started as it is. No process computes before it forks: a pool of threads does not survive
a fork, so torch has one thread.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib
import os
import runpy
import signal
import subprocess
import sys
import threading
import traceback
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from jobs.core import pipeline, process
from jobs.core.provenance import ROOT

PR_SET_CHILD_SUBREAPER = 36
TRACE = 900
"""The descriptor of the trace of events, which every forked process keeps."""
QUIET = {
    "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "MPLBACKEND": "agg",
    "PYTHONWARNINGS": "ignore", "GIT_DIR": os.devnull,
}  # fmt: skip
"""One thread, no network, and no commit in a record: a commit made meanwhile would change the report's bytes."""
PACKAGES = (
    "torch", "numpy", "transformers", "transformers.models.qwen3.modeling_qwen3", "transformers.trainer", "tokenizers",
    "safetensors.torch", "peft", "trl", "trl.trainer.sft_trainer", "datasets", "accelerate", "gguf", "scipy.stats",
    "matplotlib.figure", "matplotlib.backends.backend_svg", "jinja2", "hydra", "omegaconf", "ftfy", "rensa",
    "sentencepiece", "huggingface_hub",
)  # fmt: skip
ENGINES = (
    "rows.passes", "rows.files", "training.run", "training.adapter_losses", "training.processes", "models.hf",
    "models.base_model", "models.merging", "models.tokenizer", "models.adapter", "gguf.file", "gguf.checks",
    "gguf.llama", "gguf.llama_tools", "pages.render",
)  # fmt: skip
COLD = "jobs.engines.models.template_worker"
"""Limits its address space, of which a process that has imported everything has more."""
_real_fork_exec: Callable[..., int] = subprocess._fork_exec  # type: ignore[attr-defined]


def up() -> None:
    """Import everything that the stages import, and start nothing."""
    os.environ.update(QUIET)
    for name in PACKAGES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    import torch

    torch.set_num_threads(1)
    torch.set_num_interop_threads(1)
    for name in [*(f"jobs.engines.{name}" for name in ENGINES), *(f"jobs.{name}" for name in pipeline.USUAL)]:
        importlib.import_module(name)
    for name in ("jobs.__main__", "jobs.core.chain", "jobs.core.compose", "jobs.core.certificate"):
        importlib.import_module(name)
    assert threading.active_count() == 1, threading.enumerate()
    gc.collect()
    gc.freeze()


def adopt_orphans() -> None:
    """Processes whose parent is gone become this one's, so that their end can be waited for (Linux only)."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def start(
    words: Sequence[str], output: Path, folder: Path = ROOT, environment: Mapping[str, str | None] | None = None,
    first: Callable[[], None] = lambda: None, cold: bool = False,
) -> int:  # fmt: skip
    """Fork `python words`, such as `-m jobs all key=value`, in a session of its own; its process id.

    stdout and stderr go to `output`; None takes a variable out; `first` runs in the child before anything else. `cold`
    starts an interpreter instead, for what is read when one starts.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        process.end_with_parent(at_once=True)
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (descriptor, 1), (descriptor, 2)):
            os.dup2(source, target)
        os.closerange(3, 1024)
        os.chdir(folder)
        for name, value in (environment or {}).items():
            os.environ.pop(name, None) if value is None else os.environ.update({name: value})
        if cold:
            os.execv(sys.executable, [sys.executable, *words])
        _no_handlers()
        _catch_python_children()
        first()
        _become(list(words))
    finally:
        _leave(1)


def _catch_python_children() -> None:
    """From here on this process's Python children are forked, not started."""
    subprocess._fork_exec = _fork_or_exec  # type: ignore[attr-defined]


def _fork_or_exec(*given: Any) -> int:
    """In the place of the function that `subprocess` starts every program with; its arguments and its answer."""
    args, keep, folder, environment = given[0], given[3], given[4], given[5]
    before, new_session, preexec = given[12:14], given[15], given[21]
    if os.fsdecode(args[0]) != sys.executable or not _can_be_forked([os.fsdecode(word) for word in args[1:]]):
        return _real_fork_exec(*given)
    sys.stdout.flush()
    sys.stderr.flush()
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
    pid = os.fork()
    if pid:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        return pid
    try:
        for source, target in ((given[6], 0), (given[9], 1), (given[11], 2)):
            if source not in (-1, target):
                os.dup2(source, target)
        kept = {0, 1, 2, TRACE, *keep} - {before[1]}
        for open_one in list(Path("/proc/self/fd").iterdir()):
            if int(open_one.name) not in kept:
                with contextlib.suppress(OSError):
                    os.close(int(open_one.name))
        if folder is not None:
            os.chdir(folder)
        if environment is not None:
            os.environ.clear()
            os.environb.update(entry.split(b"=", 1) for entry in environment)
        if new_session:
            os.setsid()
        _no_handlers()
        if preexec is not None:
            preexec()
        _begin_anew()
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        _become([os.fsdecode(word) for word in args[1:]])
    finally:
        _leave(1)


def _no_handlers() -> None:
    """Signals do what they do to an interpreter that was just started."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL if number != signal.SIGINT else signal.default_int_handler)


def _begin_anew() -> None:
    """What an interpreter that was just started has not: a stop that was asked for, and the parent's things to end."""
    process._Stop.requested, process._Stop.deferred = False, None
    process._Stop.answered = process._Stop.said = float("-inf")
    for last_will in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        last_will.detach()


def _can_be_forked(words: Sequence[str]) -> bool:
    """A module of ours, or a script; what `multiprocessing` starts (`-c ...`) reads descriptors of its own."""
    return bool(words) and (words[0] == "-m" or words[0].endswith(".py")) and COLD not in words


def _become(words: list[str]) -> NoReturn:
    """Run `-m module words` or `script words` as the interpreter does, and end."""
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - it stays open to the end
    warnings.simplefilter("ignore")
    code = 1
    try:
        if words[0] == "-m":
            sys.argv = words[1:]
            sys.modules.pop(words[1], None)
            runpy.run_module(words[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = list(words)
            sys.path.insert(0, str(Path(words[0]).parent))
            runpy.run_path(words[0], run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    _leave(code)


def _leave(code: int) -> NoReturn:
    """End as an interpreter does, without the parent's stack."""
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)

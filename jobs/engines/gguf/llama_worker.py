"""The child process of `llama.py`: one job about one GGUF, then the end.

Reads the job as JSON from stdin and writes JSON lines to stdout: `{"done": 1, "of": 9}` on the way and at the end
`{"result": ...}` or `{"error": "..."}`. llama.cpp's own output goes to stderr.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import llama_cpp.llama_cpp as api
import numpy as np
from numpy.typing import NDArray

from jobs.core.errors import EnvironmentProblem
from jobs.core.room import reserve
from jobs.logic.parity.divergence import label_nll, token_kl

Tell = Callable[[int, int], None]
Rows = list[tuple[list[int], list[int]]]
Logits = NDArray[np.float32]

BATCH_TOKENS = 512
KV_PADDING = 256
GGML_F32, GGML_F16 = 0, 1
FLASH_ATTENTION_AUTO, FLASH_ATTENTION_OFF = -1, 0


class JobFailed(Exception):
    """llama.cpp said no; the message goes to the parent."""


class Model:
    """A loaded GGUF; never freed, since the process ends with the job."""

    def __init__(self, gguf: str, gpu_layers: int = 0, vocab_only: bool = False) -> None:
        params = api.llama_model_default_params()
        params.vocab_only = vocab_only
        params.n_gpu_layers = gpu_layers
        self.on_gpu = gpu_layers != 0
        self.handle = api.llama_model_load_from_file(gguf.encode(), params)
        if not self.handle:
            raise JobFailed("llama.cpp cannot load it")
        self.vocab: Any = api.llama_model_get_vocab(self.handle)
        self.num_tokens: int = api.llama_vocab_n_tokens(self.vocab)


class Context:
    """A KV cache of `num_sequences` x `length` tokens and one batch that is filled and decoded again and again."""

    def __init__(self, model: Model, length: int, num_sequences: int, kv: str, num_threads: int) -> None:
        params = api.llama_context_default_params()
        params.offload_kqv = params.op_offload = model.on_gpu  # llama.cpp would send big batches to a GPU regardless
        params.n_ctx = -(-length // KV_PADDING) * KV_PADDING * num_sequences
        params.n_batch = params.n_ubatch = BATCH_TOKENS
        params.n_seq_max = num_sequences
        params.n_threads = params.n_threads_batch = num_threads
        params.type_k = params.type_v = GGML_F32 if kv == "f32" else GGML_F16
        params.flash_attn_type = FLASH_ATTENTION_OFF if kv == "f32" else FLASH_ATTENTION_AUTO
        self.handle = api.llama_init_from_model(model.handle, params)
        if not self.handle:
            raise JobFailed(f"llama.cpp cannot make a context of {params.n_ctx} tokens")
        self.num_tokens = model.num_tokens
        self.memory: Any = api.llama_get_memory(self.handle)
        self.batch = api.llama_batch_init(BATCH_TOKENS, 0, 1)

    def decode(self, tokens: Sequence[tuple[int, int, int, bool]]) -> None:
        """Run at most BATCH_TOKENS of (token, position, sequence, logits wanted)."""
        batch: Any = self.batch
        batch.n_tokens = len(tokens)
        for i, (token, position, sequence, wanted) in enumerate(tokens):
            batch.token[i], batch.pos[i], batch.logits[i] = token, position, wanted
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, sequence
        code = api.llama_decode(self.handle, batch)
        if code:
            raise JobFailed(f"llama_decode answered {code} for {len(tokens)} tokens")

    def logits(self, index: int) -> Logits:
        """Logits `[vocabulary]` of one place in the last batch; llama.cpp's own memory, gone at the next decode."""
        values: Any = api.llama_get_logits_ith(self.handle, index)
        return np.ctypeslib.as_array(ctypes.cast(values, ctypes.POINTER(ctypes.c_float)), (self.num_tokens,))

    def prefill(self, ids: Sequence[int], sequence: int) -> Logits:
        """Feed a prompt from position 0; the logits after its last token."""
        for start in range(0, len(ids), BATCH_TOKENS):
            part = ids[start : start + BATCH_TOKENS]
            self.decode([(t, start + i, sequence, start + i == len(ids) - 1) for i, t in enumerate(part)])
        return self.logits(len(part) - 1)

    def forget(self, sequence: int) -> None:
        api.llama_memory_seq_rm(self.memory, sequence, -1, -1)


def vocabulary(gguf: str, tell: Tell) -> dict[str, Any]:
    model = Model(gguf, vocab_only=True)
    eos, bos = api.llama_vocab_eos(model.vocab), api.llama_vocab_bos(model.vocab)
    return {
        "num_tokens": model.num_tokens,
        "eog": [token for token in range(model.num_tokens) if api.llama_vocab_is_eog(model.vocab, token)],
        "eos": eos if eos >= 0 else None,
        "bos": bos if bos >= 0 else None,
        "add_bos": bool(api.llama_vocab_get_add_bos(model.vocab)),
    }


def tokenize(gguf: str, tell: Tell, texts: list[str], parse_special: bool) -> list[list[int]]:
    vocab = Model(gguf, vocab_only=True).vocab
    rows = []
    for text in texts:
        data = text.encode()
        room = (ctypes.c_int32 * (len(data) + 1))()  # a token is at least one byte
        count = api.llama_tokenize(vocab, data, len(data), room, len(room), False, parse_special)
        if count < 0:
            raise JobFailed(f"llama_tokenize wants room for {-count} tokens for {len(data)} bytes")
        rows.append(list(room[:count]))
    return rows


def score(gguf: str, tell: Tell, rows: Rows, reference: str, **how: Any) -> dict[str, list[Any]]:
    expected = np.load(reference, mmap_mode="r")
    kl: list[float] = []
    same_top: list[bool] = []
    nll: list[float] = []
    for ids, positions, logits in _blocks(gguf, tell, rows, expected.shape, **how):
        block_kl, block_top = token_kl(expected[len(kl) : len(kl) + len(logits)], logits)
        labels = np.array([ids[position + 1] for position in positions])
        kl += block_kl.tolist()
        same_top += block_top.tolist()
        nll += label_nll(logits, labels).tolist()
    return {"kl": kl, "same_top": same_top, "nll": nll}


def write_logits(gguf: str, tell: Tell, rows: Rows, out: str, **how: Any) -> None:
    file: Any = None
    done = 0
    for _, _, logits in _blocks(gguf, tell, rows, None, **how):
        if file is None:
            total = sum(len(positions) for _, positions in rows)
            file = np.lib.format.open_memmap(out, "w+", np.float32, (total, logits.shape[1]))
            reserve(Path(out))
        file[done : done + len(logits)] = logits
        done += len(logits)
    if file is not None:
        file.flush()


def _blocks(
    gguf: str, tell: Tell, rows: Rows, shape: tuple[int, ...] | None, kv: str, num_threads: int, gpu_layers: int
) -> Iterator[tuple[list[int], list[int], Logits]]:
    """Ids of the row, wanted positions and their logits `[positions, vocabulary]`, a batch at a time.

    Only wanted positions are computed through the head, and nothing behind the last one is computed at all.
    """
    model = Model(gguf, gpu_layers)
    wanted = sum(len(positions) for _, positions in rows)
    if shape is not None and shape != (wanted, model.num_tokens):
        raise JobFailed(f"the reference is {list(shape)}, the model gives {[wanted, model.num_tokens]}")
    context = Context(model, max((len(ids) for ids, _ in rows), default=1), 1, kv, num_threads)
    for number, (ids, positions) in enumerate(rows, 1):
        context.forget(0)
        chosen = set(positions)
        length = max(positions, default=-1) + 1
        for start in range(0, length, BATCH_TOKENS):
            places = range(start, min(start + BATCH_TOKENS, length))
            context.decode([(ids[place], place, 0, place in chosen) for place in places])
            here = [place for place in places if place in chosen]
            if here:
                yield ids, here, np.stack([context.logits(place - start) for place in here])
        tell(number, len(rows))


class Answer:
    """One answer on its way; `slot` is its part of the KV cache."""

    def __init__(self, number: int, slot: int, prompt_length: int) -> None:
        self.number, self.slot, self.length = number, slot, prompt_length
        self.ids: list[int] = []
        self.stop_id: int | None = None
        self.finite = True

    def take(self, logits: Logits, stop_ids: Sequence[int], limit: int) -> bool:
        """Take the most likely token; True if the answer goes on."""
        token = int(logits.argmax())
        if not np.isfinite(logits[token]):  # argmax finds a NaN before any number
            self.finite = False
        elif token in stop_ids:
            self.stop_id = token
        else:
            self.ids.append(token)
            return len(self.ids) < limit
        return False


def generate(
    gguf: str,
    tell: Tell,
    prompts: list[list[int]],
    max_new_tokens: int,
    stop_ids: list[int],
    num_parallel: int,
    kv: str,
    num_threads: int,
    gpu_layers: int,
) -> list[dict[str, Any]]:
    """Prompts one by one into a free slot, then one token for every running answer in each decode."""
    model = Model(gguf, gpu_layers)
    slots = list(range(max(1, min(num_parallel, len(prompts)))))
    longest = max(map(len, prompts), default=0) + max_new_tokens
    context = Context(model, longest, len(slots), kv, num_threads)
    waiting = list(enumerate(prompts))[::-1]
    running: list[Answer] = []
    finished: list[Answer] = []

    def advance(answer: Answer, logits: Logits) -> bool:
        if answer.take(logits, stop_ids, max_new_tokens):
            return True
        slots.append(answer.slot)
        context.forget(answer.slot)
        finished.append(answer)
        tell(len(finished), len(prompts))
        return False

    while waiting or running:
        while waiting and slots:
            number, ids = waiting.pop()
            answer = Answer(number, slots.pop(), len(ids))
            if advance(answer, context.prefill(ids, answer.slot)):
                running.append(answer)
        if running:
            context.decode([(a.ids[-1], a.length + len(a.ids) - 1, a.slot, True) for a in running])
            rows = [context.logits(i).copy() for i in range(len(running))]
            running = [a for a, logits in zip(running, rows, strict=True) if advance(a, logits)]
    finished.sort(key=lambda answer: answer.number)
    return [_answer_record(model, answer) for answer in finished]


def _answer_record(model: Model, answer: Answer) -> dict[str, Any]:
    other = [token for token in answer.ids if api.llama_vocab_is_eog(model.vocab, token)]
    return {"ids": answer.ids, "stop_id": answer.stop_id, "other_eog": other, "finite": answer.finite}


def load_backends(folder: str | None) -> None:
    """Load the modules of a build with dynamic backends; llama.cpp would look for them beside the Python program."""
    if folder is not None:
        ctypes.CDLL(f"{folder}/libggml.so").ggml_backend_load_all_from_path(folder.encode())


VERBS: dict[str, Callable[..., Any]] = {
    "vocabulary": vocabulary,
    "tokenize": tokenize,
    "score": score,
    "write_logits": write_logits,
    "generate": generate,
}


def main() -> None:
    """Do the job on stdin."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # so that nothing a library prints can look like an answer

    def say(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    job = json.load(sys.stdin)
    load_backends(job.pop("backends"))
    api.llama_backend_init()
    try:
        say({"result": VERBS[job.pop("verb")](tell=lambda done, of: say({"done": done, "of": of}), **job)})
    except JobFailed as error:
        say({"error": str(error)})
    except EnvironmentProblem as problem:
        say({"lacking": str(problem)})


if __name__ == "__main__":
    main()

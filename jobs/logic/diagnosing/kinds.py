"""The kinds of files that a diagnosis can look at, by the names that are said first."""

from __future__ import annotations

ROWS, HELD_OUT, TOKEN_ROWS = "rows", "held-out rows", "token rows"
TOKENIZER, BASE_TOKENIZER = "tokenizer", "base tokenizer"
LOG, SETTINGS = "log", "settings"
BASE, ADAPTER, MERGED = "base", "adapter", "merged"
GGUF, MODELFILE, ANSWERS, RECORD = "gguf", "modelfile", "answers", "record"
PICKLE, OTHER, UNKNOWN, UNREADABLE = "pickle", "left alone", "unknown", "unreadable"

KINDS = {
    ROWS: "rows that were trained on",
    HELD_OUT: "rows that were held out",
    TOKEN_ROWS: "rows token by token, with a label each",
    TOKENIZER: "tokenizer, chat template and stop tokens of what was trained or ships",
    BASE_TOKENIZER: "tokenizer, chat template and stop tokens of the base",
    LOG: "a log of losses",
    SETTINGS: "what the training was told",
    BASE: "weights of the base",
    ADAPTER: "an adapter",
    MERGED: "weights of a tuned model",
    GGUF: "a GGUF",
    MODELFILE: "a Modelfile",
    ANSWERS: "sample answers",
    RECORD: "a record of a run of ours",
    PICKLE: "a pickle, which runs code when it is opened: not opened",
    OTHER: "nothing that a diagnosis reads",
    UNKNOWN: "not known",
    UNREADABLE: "cannot be read",
}
"""Kind to what it is, for people."""

NEVER_READ = (PICKLE, OTHER, UNKNOWN, UNREADABLE)
"""What no reader is given."""

SAYABLE = {
    "train": ROWS, "rows": ROWS, "val": HELD_OUT, "tokens": TOKEN_ROWS, "tokenizer": TOKENIZER, "log": LOG,
    "settings": SETTINGS, "base": BASE, "adapter": ADAPTER, "merged": MERGED, "gguf": GGUF, "modelfile": MODELFILE,
    "answers": ANSWERS,
}  # fmt: skip
"""What may stand in front of a path, as in `base:FOLDER`, where a file is not what it looks like."""

"""Secrets: what is in the environment, or in a row, is in no file of the run, no page and nothing that is said."""

from __future__ import annotations

import base64
import json
import random
from pathlib import Path
from urllib.parse import quote

from jobs.core import pipeline
from tests.torture import cases, runs
from tests.torture.compare import require
from tests.torture.events import Shot
from tests.torture.runs import Bench

NAMES = (
    "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "RUNPOD_API_KEY", "WANDB_API_KEY", "OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY",
    "GITHUB_TOKEN", "KIWAME_SECRET",
)  # fmt: skip


def canaries(bench: Bench, draw: random.Random) -> str:
    """A whole chain, from a row on that holds a key, and with secrets in the environment; now and then it is killed."""
    values = {name: f"canary{draw.getrandbits(128):032x}" for name in NAMES}
    key = "sk-proj-" + "".join(draw.choices("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=48))
    rows = cases.rows()
    at = draw.randrange(len(rows))
    rows[at]["messages"][draw.randrange(2)]["content"] += f" OPENAI_API_KEY={key}"
    source = bench.folder / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    more = [f"prepare.files=[{source}]"]
    how = draw.choice(["whole", "killed"])
    if how == "killed":
        number = bench.drawn_event(draw, pipeline.USUAL)
        bench.start("all", more, Shot(number), environment=values).wait()
        bench.ended()
        clean(bench, [*values.values(), key], source)
    command = bench.start("all", more, environment=values)
    require(command.wait() == 0, f"{how}: ended with exit code {command.code}:\n{runs.tail(command.said)}")
    clean(bench, [*values.values(), key], source)
    said = bench.start_words(["-m", "jobs", "certificate", str(bench.run / "report")], environment=values)
    said.wait()
    clean(bench, [*values.values(), key], source)
    return f"{how}, key in row {at}"


def clean(bench: Bench, secrets: list[str], source: Path) -> None:
    """No file below the trial's folder but the rows themselves holds one of the secrets, plain or encoded."""
    spelled = [form.encode() for secret in secrets for form in spellings(secret)]
    for path in bench.folder.rglob("*"):
        if path.is_file() and path != source:
            data = path.read_bytes()
            found = [secret for secret in spelled if secret in data]
            require(not found, f"{path.relative_to(bench.folder)}: holds a secret of the environment or of a row")


def spellings(secret: str) -> set[str]:
    """The secret as it may be written."""
    return {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")[:-1], secret[::-1]}

"""How many tokens rows have, rendered by the template and counted by the tokenizer that were given, both in children
with limits: neither is ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from jobs.core.warm_child import START_SECONDS, WarmChild
from jobs.engines.diagnosing.boundary import FORMS, STUMBLED, Unreadable, why
from jobs.engines.diagnosing.looking import Looked
from jobs.engines.diagnosing.recipe_files import RecipeSeen
from jobs.engines.diagnosing.tokenizer_files import Limits
from jobs.engines.models.templates import Asked, Renderer
from jobs.logic.diagnosing import kinds
from jobs.logic.diagnosing.rows_seen import RowsSeen
from jobs.logic.diagnosing.tokens_seen import TokenizerSeen
from jobs.logic.row import Row

MOST_ROWS = 5_000
"""That are counted: the longest by their characters."""
LIMITS = Limits(mean_seconds=0.02)
SECONDS, MEGABYTES = 60.0, 4096
"""Of the child that counts: for one batch, and of address space, of which a vocabulary of 150,000 takes a fourth."""
BATCH = 256
WORKER = "jobs.engines.diagnosing.token_worker"


@dataclass(frozen=True)
class Counter:
    """What counts tokens, and the length that is asked about."""

    tokenizer: TokenizerSeen
    most: int


@dataclass(frozen=True)
class LengthsSeen:
    """The rows with their lengths, and what became of the tokenizer's line."""

    looked: Looked
    train_rows: RowsSeen | None


def counter(recipe: RecipeSeen) -> Counter | None:
    """The tokenizer that was trained with, else the base's; None without a template, or settings that name a length."""
    most = recipe.settings.max_length if recipe.settings is not None else None
    known = [one for one in (recipe.tokenizer, recipe.base_tokenizer) if one is not None and one.template is not None]
    return Counter(known[0], most) if known and most is not None else None


def read(looked: Looked, seen: RowsSeen | None, rows: Sequence[Row], counter: Counter | None) -> LengthsSeen:
    """`seen` with its lengths; without them where they cannot be counted, for which the tokenizer's line says why."""
    if seen is None or counter is None or not rows:
        return LengthsSeen(looked, seen)
    try:
        return LengthsSeen(looked, measured(seen, rows, counter.tokenizer, counter.most))
    except STUMBLED as error:
        said = f"tokens of rows were not counted: {why(error, FORMS[kinds.TOKENIZER])}"
        return LengthsSeen(looked.also(counter.tokenizer.folder, said), seen)


def measured(seen: RowsSeen, rows: Sequence[Row], tokenizer: TokenizerSeen, most: int) -> RowsSeen:
    """`seen` with the longest of its rows in tokens, and how many have more than `most`.

    Raises Unreadable where the tokenizer cannot count, Refusal where its template cannot render a row.
    """
    folder = Path(tokenizer.folder)
    file = (folder if folder.is_dir() else folder.parent) / "tokenizer.json"
    if tokenizer.template is None or not file.is_file():
        raise Unreadable("has no tokenizer.json and chat template to count tokens with")
    longest = sorted(rows, key=lambda row: -sum(len(message.content) for message in row.messages))[:MOST_ROWS]
    lengths = counted(file, rendered(longest, tokenizer))
    return replace(
        seen,
        num_tokens_longest=max(lengths, default=None),
        num_above={most: sum(length > most for length in lengths)},
        num_counted=len(lengths),
    )


def rendered(rows: Sequence[Row], tokenizer: TokenizerSeen) -> list[str]:
    """The text of each row, as it is trained on."""
    said = {"bos_token": tokenizer.bos_token, "eos_token": tokenizer.eos_token, "pad_token": tokenizer.pad_token}
    variables = {name: text or "" for name, text in said.items()}
    renderer = Renderer(tokenizer.template or "", tokenizer.template_from, variables, LIMITS)
    try:
        return renderer.render([Asked([message._asdict() for message in row.messages], ask=False) for row in rows])
    finally:
        renderer.close()


def counted(file: Path, texts: Sequence[str]) -> list[int]:
    """The tokens of each text by a tokenizer.json, control tokens as such; raises Unreadable where it cannot."""
    child = WarmChild(WORKER, MEGABYTES)
    lengths: list[int] = []
    try:
        child.answer(START_SECONDS)
        child.send(str(file.resolve()))
        for start in range(0, len(texts), BATCH):
            child.send(texts[start : start + BATCH])
            found = child.answer(SECONDS)
            if "error" in found:
                raise Unreadable(f"its tokenizer.json cannot be used: {found['error']}")
            lengths += found["lengths"]
    except (TimeoutError, ChildProcessError) as error:
        raise Unreadable(f"its tokenizer.json could not count tokens ({error})") from None
    finally:
        child.end()
    return lengths

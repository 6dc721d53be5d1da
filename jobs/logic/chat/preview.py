"""Rows for people to read: tokens as visible text, graded ones marked, on a terminal or as data for a page."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from jobs.logic.chat.chatml import Chat, TokenRow
from jobs.logic.chat.token_rows import Conversation

EXAMPLES = (
    Conversation(
        "example-title",
        (
            {"role": "user", "content": "次の文章に題名を付けてください。\n\n庭の池に氷が張り、朝の光で青く見えた。"},
            {"role": "assistant", "content": "青い氷の朝"},
        ),
    ),
    Conversation(
        "example-turns",
        (
            {"role": "system", "content": "Answer in one short sentence."},
            {"role": "user", "content": "What is a nakago?"},
            {"role": "assistant", "content": "The tang of a Japanese sword."},
            {"role": "user", "content": "Where does the smith sign?  \tWrite <|im_end|> as text."},
            {"role": "assistant", "content": "On the tang, under the hilt. 👩‍🏭"},
        ),
    ),
)
"""Shown where no rows are given."""

MOST_TOKENS_A_LETTER = 8
VISIBLE = str.maketrans({"\n": "⏎\n", "\t": "⇥", "\r": "␍", "\u3000": "□", "\u00a0": "⍽"})
INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
TYPED = re.compile(r"<(?=\|[a-z_]+\||/?think>|/?tool_)")
"""Where the string of an added token begins in a text."""
KEPT = 70
"""Characters of a long prompt that the terminal shows at each end."""
GROUND = {"c": "\x1b[30;42m", "t": "\x1b[30;46m"}
MARKED = (("c", "the answer"), ("t", "the template's part"))
DIM, RESET = "\x1b[2m", "\x1b[0m"
BRACKETS = {"c": ("[", "]"), "t": ("{", "}")}


@dataclass(frozen=True)
class Chunk:
    """The fewest tokens that spell whole letters: mostly one; an emoji may be three."""

    text: str
    kind: str
    """As in `TokenRow.kinds`."""
    control: bool
    """An added token, not text."""
    ids: tuple[int, ...]


@dataclass(frozen=True)
class Shown:
    """A row to look at."""

    id: str
    why: str
    """Why this row: `shortest`, `median`, `longest` or `drawn`."""
    chunks: list[Chunk]
    prompts: list[int]
    """Tokens in each generation prompt: where the model takes over."""

    @property
    def counts(self) -> dict[str, int]:
        """Tokens by kind."""
        return {kind: sum(len(chunk.ids) for chunk in self.chunks if chunk.kind == kind) for kind in "ptc"}


def chunks(row: TokenRow, added: Mapping[str, int], decode: Callable[[Sequence[int]], str]) -> list[Chunk]:
    """The row's tokens, joined only where a letter is made of several."""
    strings = {number: string for string, number in added.items()}
    found: list[Chunk] = []
    held: list[int] = []
    for place, number in enumerate(row.ids):
        kind = row.kinds[place]
        if number in strings:
            found += [Chunk(decode(held), kind, False, tuple(held))] if held else []
            found.append(Chunk(strings[number], kind, True, (number,)))
            held = []
            continue
        held.append(number)
        text = decode(held)
        if not text.endswith("\ufffd") or len(held) == MOST_TOKENS_A_LETTER:
            found.append(Chunk(text, kind, False, tuple(held)))
            held = []
    return found + ([Chunk(decode(held), row.kinds[-1], False, tuple(held))] if held else [])


def chosen(lengths: Mapping[str, int], num_random: int, seed: int) -> list[tuple[str, str]]:
    """(id, why) of the rows to show: shortest, median, longest, and some drawn by seed."""
    ordered = sorted(lengths, key=lambda name: (lengths[name], name))
    if not ordered:
        return []
    picked = {ordered[0]: "shortest"}
    picked.setdefault(ordered[len(ordered) // 2], "median")
    picked.setdefault(ordered[-1], "longest")
    rest = sorted(set(ordered) - picked.keys())
    drawn = random.Random(seed).sample(rest, min(num_random, len(rest)))
    return [*picked.items(), *((name, "drawn") for name in drawn)]


def described(template: str, chat: Chat) -> str:
    """The chat settings in words; `template` as in `chat.template`."""
    graded = "graded" if chat.grade_thinking_block else "not graded"
    block = {"none": "no thinking block", "empty": f"empty thinking block, {graded}", "keep": f"own thoughts, {graded}"}
    whose = "the model's own template" if template == "model" else template
    stop = "" if chat.grade_end_of_turn else "; the token that ends an answer is not graded"
    return f"{whose}; {block[chat.thinking_block]}; answers graded: {chat.graded_turns}{stop}"


def visible(text: str) -> str:
    """`text` with line ends, tabs, wide spaces and invisible characters made visible."""
    return INVISIBLE.sub(lambda found: f"‹U+{ord(found[0]):04X}›", text.translate(VISIBLE))


def typed(text: str) -> str:
    """Control strings in what people wrote, told from control tokens by a backslash."""
    return TYPED.sub(r"\\<", text)


def terminal_legend(colour: bool) -> str:
    """One line that says how graded tokens are marked."""
    marks = {kind: _on_ground(words, GROUND[kind]) if colour else words.join(BRACKETS[kind]) for kind, words in MARKED}
    return f"graded: {marks['c']} and {marks['t']}; the rest is read, never taught; \\<|...|> was typed by somebody"


def terminal_lines(rows: Sequence[Shown], colour: bool) -> list[str]:
    """The rows and how to read them; nothing for no rows."""
    return [terminal_legend(colour), *(terminal_row(row, colour) for row in rows)] if rows else []


def terminal_row(shown: Shown, colour: bool) -> str:
    """A row for the terminal: graded stretches on colour, or in `[answer]` and `{template}` brackets."""
    counts = shown.counts
    total, graded = sum(counts.values()), counts["t"] + counts["c"]
    head = f"{visible(shown.id)} ({shown.why}): {total} tokens, {graded} graded, {counts['c']} of the answer"
    body = "".join(_stretches(shown.chunks, colour))
    indented = "\n".join(f"  {line}" for line in body.rstrip("\n").split("\n"))
    return f"\n{head}\n{indented}"


def _stretches(shown: Sequence[Chunk], colour: bool) -> Iterator[str]:
    for kind, group in groupby(shown, key=lambda chunk: chunk.kind):
        parts = groupby(group, key=lambda chunk: chunk.control)
        text = "".join(_part("".join(chunk.text for chunk in part), kind, control, colour) for control, part in parts)
        if kind == "p":
            yield text
        else:
            left, right = BRACKETS[kind]
            yield _on_ground(text, GROUND[kind]) if colour else f"{left}{text}{right}"


def _part(text: str, kind: str, control: bool, colour: bool) -> str:
    """Neighbouring tokens of one kind, all of them control tokens or all of them text."""
    if control:
        return f"{DIM}{text}{RESET}" if colour and kind == "p" else text
    if kind == "t":  # the template's line ends are no lines to read
        return visible(text).replace("⏎\n", "⏎")
    return _shortened(typed(visible(text))) if kind == "p" else typed(visible(text))


def _on_ground(text: str, ground: str) -> str:
    """Colour is ended before each line end, or a terminal would paint the rest of the line."""
    return "\n".join(f"{ground}{line}{RESET}" if line else "" for line in text.split("\n"))


def _shortened(text: str) -> str:
    if len(text) <= 2 * KEPT + 40:
        return text
    return f"{text[:KEPT]} … {len(text) - 2 * KEPT:,} characters … {text[-KEPT:]}"

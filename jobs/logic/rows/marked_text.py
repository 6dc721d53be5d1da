"""A conversation out of one text in which a chat template's signs, headings or speakers' names mark the turns.

Read are ChatML, the templates of Llama, Mistral, Gemma, Zephyr and Phi, Alpaca's headings, and speakers' names at the
beginning of lines. Every sign of the text is a turn's or the markup's: a row is refused for what is neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from jobs.logic.row import Message, shown
from jobs.logic.rows import turns
from jobs.logic.rows.column_names import LONGEST
from jobs.logic.rows.guessing import Way
from jobs.logic.rows.strict_json import BadRow


class Family(NamedTuple):
    """A way to mark turns."""

    name: str
    mark: re.Pattern[str]
    """What stands before a turn; its group is the word for who speaks."""
    closes: tuple[str, ...] = ()
    """What stands behind a turn, one of them; nothing else stands between that and the next mark."""
    has_lead: bool = False
    """Whether a text before the first mark is the system's; else the first mark stands at the beginning."""


class Turn(NamedTuple):
    """One turn and where its text stands."""

    role: str
    start: int
    end: int


SPEAKERS = {
    **dict.fromkeys(("system", "sys", "システム", "系统"), "system"),
    **dict.fromkeys(("user", "human", "instruction", "q", "question", "[inst]"), "user"),
    **dict.fromkeys(("ユーザー", "ユーザ", "人間", "質問", "指示", "问", "用户", "指令"), "user"),
    **dict.fromkeys(
        ("assistant", "model", "gpt", "ai", "bot", "response", "a", "answer", "output", "[/inst]"), "assistant"
    ),
    **dict.fromkeys(("アシスタント", "回答", "応答", "答", "助手"), "assistant"),
    **dict.fromkeys(("input", "context", "入力", "文脈", "输入"), "input"),
}
HEADING = "instruction|input|context|response|output|question|answer|指示|入力|文脈|応答|回答|質問|指令|输入"
NAMES = "システム|ユーザー?|人間|アシスタント|AI|質問|回答|问|答|用户|助手"
FAMILIES = (
    Family("ChatML", re.compile(r"<\|im_start\|>(\w+)\n"), ("<|im_end|>",)),
    Family(
        "Llama 3", re.compile(r"<\|start_header_id\|>(\w+)<\|end_header_id\|>\n\n"), ("<|eot_id|>", "<|end_of_text|>")
    ),
    Family("Gemma", re.compile(r"<start_of_turn>(\w+)\n"), ("<end_of_turn>",)),
    Family("Zephyr or Phi", re.compile(r"<\|(system|user|assistant)\|>\n?"), ("<|end|>", "</s>", "<|endoftext|>")),
    Family("[INST]", re.compile(r"(\[/?INST\])")),
    Family("### Human", re.compile(r"### ?(Human|User|Assistant|System):", re.IGNORECASE), has_lead=True),
    Family("Alpaca", re.compile(rf"^### ?({HEADING}) ?[:：]?[ \t]*$", re.IGNORECASE | re.MULTILINE), has_lead=True),
    Family("Alpaca", re.compile(rf"### ?({HEADING}) ?[:：]", re.IGNORECASE), has_lead=True),
    Family("USER:", re.compile(r"\b(USER|ASSISTANT):"), has_lead=True),
    Family("Human:", re.compile(r"^(Human|User|Assistant|AI|System) ?[:：]", re.IGNORECASE | re.MULTILINE)),
    Family("Q:", re.compile(r"^(Q|A|Question|Answer) ?[:：]", re.IGNORECASE | re.MULTILINE)),
    Family(
        "ユーザー：",
        re.compile(r"^(システム|ユーザー?|人間|アシスタント|AI|質問|回答|问|答|用户|助手) ?[:：]", re.MULTILINE),
    ),
)
SIGNS = re.compile(
    r"<\|(?:im_start|im_end|begin_of_text|end_of_text|start_header_id|end_header_id|eot_id|endoftext)\|>"
    r"|</?s>|<bos>|<eos>|<start_of_turn>|<end_of_turn>|\[/?INST\]|<</?SYS>>|### End"
)
"""Signs of templates: none of them may be left in a turn."""
AROUND = re.compile(r"(?:<s>|</s>|<bos>|<eos>|<\|begin_of_text\|>|<\|endoftext\|>|<\|end_of_text\|>|### End|\s)*")
"""What may stand before the first turn, behind the last one and between two."""
SYS_OPEN, SYS_CLOSE = "<<SYS>>", "<</SYS>>"
PREAMBLES = (
    "Below is an instruction that describes a task, paired with an input that provides further context. "
    "Write a response that appropriately completes the request.",
    "Below is an instruction that describes a task. Write a response that appropriately completes the request.",
    "以下は、タスクを説明する指示と、文脈のある入力の組み合わせです。要求を適切に満たす応答を書きなさい。",
    "以下は、タスクを説明する指示です。要求を適切に満たす応答を書きなさい。",
)
"""What Alpaca's template says before each row; it says nothing of the row."""


def ways(records: Sequence[Mapping[str, Any]]) -> list[Way]:
    """The columns in which texts have turns marked in them."""
    names = dict.fromkeys(name for record in records for name in record if len(name) <= LONGEST)
    return [
        Way("text", {} if name == "text" else {"text": name}, name, name)
        for name in names
        if any(isinstance(record.get(name), str) and family(record[name]) is not None for record in records)
    ]


def parted(text: str, where: str, changes: dict[str, str]) -> list[Message]:
    """The turns of a text. Raises BadRow where its markup is not wholly understood."""
    found = family(text)
    if found is None:
        raise BadRow("content-type", f"{where} has no turns marked in it: it begins with {shown(text[:80])!r}")
    spans = list(_system_apart(text, _turns(text, found, where)))
    _require_all(text, found, spans, where)
    lead = _lead(text, found)
    if lead:
        if lead in PREAMBLES:
            changes["preamble"] = shown(lead)
        else:
            spans.insert(0, Turn("system", text.index(lead), text.index(lead) + len(lead)))
    return list(_messages(text, spans))


def family(text: str) -> Family | None:
    """How the turns of a text are marked; None where they are not, or do not begin with a question."""
    for one in FAMILIES:
        start = AROUND.match(text).end()  # type: ignore[union-attr]  # it matches nothing at all as well
        first = one.mark.search(text, start) if one.has_lead else one.mark.match(text, start)
        if first is not None and SPEAKERS.get(first[1].lower()) in ("system", "user"):
            roles = {SPEAKERS.get(mark[1].lower()) for mark in one.mark.finditer(text, start)}
            if {"user", "assistant"} <= roles:
                return one
    return None


def _lead(text: str, found: Family) -> str:
    first = found.mark.search(text) if found.has_lead else None
    return text[AROUND.match(text).end() : first.start()].strip() if first else ""  # type: ignore[union-attr]


def _turns(text: str, found: Family, where: str) -> Iterator[Turn]:
    """Every turn with the place of its text, as the layout around it is taken off."""
    marks = list(found.mark.finditer(text))
    for mark, after in zip(marks, [*marks[1:], None], strict=True):
        start, end = mark.end(), after.start() if after else len(text)
        role = SPEAKERS.get(mark[1].lower())
        if role is None:
            if mark[1].lower() in turns.TOOLS:
                raise BadRow("tool-role", f"{where} has a turn of {mark[1]!r}; {turns.TOOL_SCOPE}")
            raise BadRow("unknown-role", f"{where} has a turn of {mark[1][:40]!r}, expected system, user or assistant")
        if found.closes:
            close = min((place for sign in found.closes if (place := text.find(sign, start, end)) >= 0), default=-1)
            if close < 0:
                raise BadRow(
                    "content-type", f"{where}: the {role}'s turn at character {start:,} has no {found.closes[0]}"
                )
            yield Turn(role, start, close)
        else:
            yield Turn(role, *_trimmed(text, start, _without_end(text, start, end)))


def _without_end(text: str, start: int, end: int) -> int:
    """The end of a turn without the signs of a template behind it."""
    for sign in reversed(list(SIGNS.finditer(text, start, end))):
        if AROUND.fullmatch(text, sign.start(), end) is None:
            break
        end = sign.start()
    return end


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Without the lines that are blank before it, or the blank behind the mark, and what is blank at its end."""
    body = text[start:end]
    end = start + len(body.rstrip())
    blank = len(body) - len(body.lstrip())
    line = body.rfind("\n", 0, blank) + 1
    return min(start + (line or min(blank, 1)), end), end


def _system_apart(text: str, found: Iterator[Turn]) -> Iterator[Turn]:
    """Llama 2 has the system's text in the first question."""
    for turn in found:
        if turn.role == "user" and text.startswith(SYS_OPEN, turn.start) and SYS_CLOSE in text[turn.start : turn.end]:
            close = text.index(SYS_CLOSE, turn.start)
            yield Turn("system", *_trimmed(text, turn.start + len(SYS_OPEN), close))
            yield Turn("user", *_trimmed(text, close + len(SYS_CLOSE), turn.end))
        else:
            yield turn


def _require_all(text: str, found: Family, spans: Sequence[Turn], where: str) -> None:
    """Raise BadRow where the turns and the markup, joined, are not the text."""
    place, between = 0, []
    for turn in spans:
        between.append(text[place : turn.start])
        place = turn.end
        sign = SIGNS.search(text, turn.start, turn.end)
        if sign is not None:
            raise BadRow("content-type", f"{where}: {sign[0]} stands inside a turn, at character {sign.start():,}")
    between.append(text[place:])
    first = found.mark.search(text)
    assert first is not None
    between[0] = text[first.start() : spans[0].start] if found.has_lead else between[0]
    left = SIGNS.sub("", found.mark.sub("", "".join(between)))
    for close in found.closes:
        left = left.replace(close, "")
    if left.strip():
        raise BadRow("content-type", f"{where}: {shown(left.strip())!r} stands between turns and is of none")


def _messages(text: str, spans: Sequence[Turn]) -> Iterator[Message]:
    """The turns; what is an input belongs to the instruction before it."""
    for number, turn in enumerate(spans):
        if turn.role == "input":
            continue
        content = text[turn.start : turn.end]
        given = spans[number + 1] if number + 1 < len(spans) and spans[number + 1].role == "input" else None
        if given is not None and turn.role != "user":
            raise BadRow("role-order", "an input follows what is no instruction")
        more = text[given.start : given.end] if given else ""
        yield Message(turn.role, f"{content}\n\n{more}" if more.strip() else content)

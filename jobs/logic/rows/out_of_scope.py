"""Rows of kinds that nothing here learns from: tool calls, images and other media, preference pairs.

Each is named as what it is, with what can be done about it: a row that lost its image or its tools would be learnt as
another question.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from jobs.logic.row import Message
from jobs.logic.rows import pairs
from jobs.logic.rows.strict_json import BadRow
from jobs.logic.rows.turns import TOOL_SCOPE

TOOL_COLUMNS = ("tools", "functions")
MEDIA = {
    "images": "images",
    "image": "images",
    "videos": "video",
    "video": "video",
    "audios": "sound",
    "audio": "sound",
}
PLACEHOLDERS = ("<image>", "<video>", "<audio>")
"""What stands in a text for a picture, a video or a sound, as in LLaVA's sets."""
AT_THE_BEGINNING = tuple(f"{mark}\n" for mark in PLACEHOLDERS)
AT_THE_END = tuple(f"\n{mark}" for mark in PLACEHOLDERS)
PAIRS = {"chosen": "rejected", "preferred_output": "non_preferred_output"}
"""Columns of answers that were preferred to those of the columns that they point to."""
BESIDE = ("rejected_response", "rejected_messages")
"""Columns of answers that are worse than those of the row itself."""
COLUMNS = frozenset((*TOOL_COLUMNS, *MEDIA, *PAIRS, *BESIDE, "kto_tag"))
PAIR_SCOPE = "the row is a preference pair, and learning from both sides is out of scope"
LIKED = f"where it says which answers were liked (KTO), learning from both sides is out of scope; {pairs.OPTION}"


def check(record: Mapping[str, Any], mapped: Collection[str], detected: str | None) -> None:
    """Raise BadRow for a row with columns that make it one of another kind; those in `mapped` a person has named.

    Beside a conversation of the shape that was `detected`, an answer that was preferred is a question: which is meant?
    Where the shape was said (None) it is answered.
    """
    if COLUMNS.isdisjoint(record):
        return
    for column in TOOL_COLUMNS:
        if column not in mapped and _are_tools(record.get(column)):
            raise BadRow(
                "tool-call", f"`{column}` offers tools; {TOOL_SCOPE}, or take out `{column}` where none is called"
            )
    for column, kind in MEDIA.items():
        value = record.get(column)
        if value and column not in mapped and (isinstance(value, list | dict) or _has_placeholder(record)):
            raise BadRow("column-type", f"`{column}` holds {kind}; {media_scope(kind)}")
    for better, worse in PAIRS.items():
        if detected and not PAIRS.keys() & set(mapped) and record.get(better) and record.get(worse):
            beside = f"to learn what stands beside them say prepare.shape={detected}"
            raise BadRow("preference-pair", f"`{better}` and `{worse}` are there: {pair(record)}; {beside}")
    for column in BESIDE:
        if detected and record.get(column) and column not in mapped:
            raise BadRow("preference-pair", f"`{column}` is there: {PAIR_SCOPE}; {pairs.OPTION}")
    if detected and isinstance(record.get("kto_tag"), bool) and "kto_tag" not in mapped:
        raise BadRow("preference-pair", f"`kto_tag` is there: {LIKED}")


def check_texts(messages: Sequence[Message]) -> None:
    """Raise BadRow for a text whose picture is missing: a line of its own says where it was."""
    for number, message in enumerate(messages, 1):
        text = message.content
        if text.startswith(AT_THE_BEGINNING) or text.endswith(AT_THE_END):
            mark = next(mark for mark in PLACEHOLDERS if mark in text)
            kind = MEDIA[mark.strip("<>")]
            raise BadRow("content-type", f"message {number} has {mark} in the place of {kind}; {media_scope(kind)}")


def media_scope(kind: str) -> str:
    """What to do about rows with such a thing."""
    verb = "are" if kind == "images" else "is"
    return f"{kind} {verb} out of scope: Qwen3 reads text; take such rows out"


def pair(record: Mapping[str, Any]) -> str | None:
    """What to do about a row whose answer is the better one of a pair; None for another row."""
    if not any(name in record for name in pairs.BETTER):
        return None
    return f"{PAIR_SCOPE}; {pairs.OPTION}"


def _are_tools(value: Any) -> bool:
    """Whether a value describes tools: objects in a list, as they are or as JSON in a text."""
    if isinstance(value, list):
        return any(isinstance(tool, dict) for tool in value)
    return isinstance(value, str) and "".join(value[:20].split()).startswith(("[{", "{")) and '"name"' in value


def _has_placeholder(record: Mapping[str, Any]) -> bool:
    return any(mark in text for text in _texts(record) for mark in PLACEHOLDERS)


def _texts(value: Any) -> list[str]:
    """Every text in the columns of a row and in the turns of its lists."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return [text for one in inner for text in _texts(one)]

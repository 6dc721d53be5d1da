"""Tokenizer, chat template and labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class TokenizerSeen:
    """Of one folder: tokenizer files, config.json, generation_config.json and the template."""

    folder: str
    digest: str
    """Of vocabulary, merges and added tokens as they mean, not as they are written."""
    num_tokens: int | None
    eos_token: str | None
    pad_token: str | None
    bos_token: str | None
    eos_ids: tuple[int, ...]
    """What generation stops on: generation_config.json, else config.json."""
    ids: Mapping[str, int]
    """Of Qwen's control tokens."""
    adds: tuple[int, ...]
    """Ids that the tokenizer puts around every text."""
    template: str | None
    template_from: str
    rendered: Mapping[str, str]
    """Name of a probe conversation to what the template makes of it; in a sandbox with limits."""
    template_error: str
    markup_in_content: bool | None
    """Whether control-token text in a message becomes control tokens."""
    model_type: str | None = None
    """Of config.json."""
    has_generation_config: bool = False
    tokens_digest: str = ""
    """Of the tokens alone, without merges."""


@dataclass(frozen=True)
class LabelsSeen:
    """Rows as they were trained on: ids and which are graded."""

    file: str
    num_rows: int
    num_without_graded: int
    num_end_of_turn_graded: int
    """Rows whose last answer's `<|im_end|>` is graded."""
    num_end_of_turn: int
    """Rows that have one after the last answer at all."""
    num_cut: int
    """Rows that end before their answer does."""
    num_prompt_graded: int
    """Rows with a graded token outside of answers."""
    num_shifted: int
    """Rows whose graded span begins or ends one token beside an answer's."""
    num_header_odd: int
    """Rows with a header that is not `<|im_start|>role\\n`."""
    num_system_added: int
    """Rows with a system turn that their conversation has not."""
    num_doubled_bos: int
    num_control_from_content: int
    think_graded: tuple[int, int]
    """(rows with a graded think block, rows with one that is not graded)."""
    share_graded: float
    """Of all tokens."""
    num_inverted: int = 0
    """Rows whose answer is not graded and whose prompt is."""
    num_without_turns: int = 0
    """Rows without a turn of an assistant as ChatML writes it."""
    num_cut_at_longest: int = 0
    """Of those that are cut, rows of the length of the longest row."""
    num_tokens_longest: int = 0
    examples: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Name of a count above to some of its rows, counted from 1."""
    with_conversations: bool = False
    """Whether the rows' conversations were there to be held against."""

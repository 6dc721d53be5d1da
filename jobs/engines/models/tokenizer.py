"""A Hugging Face tokenizer and its chat template, with two ways to encode.

`encode` takes plain text, in which nothing ever becomes an added token: a copy of the tokenizer without added tokens
does it, for `split_special_tokens` of transformers still matches those that are not flagged as special, `<think>` and
the tool tags among them. `encode_rendered` takes what a template rendered, in which the added tokens are real.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import AutoTokenizer

from jobs.core.errors import Refusal
from jobs.engines.models.folder_files import library_errors
from jobs.engines.models.templates import Asked, Bounds, Renderer
from jobs.logic.chat.chatml import (
    END_OF_TEXT,
    IM_END,
    IM_START,
    THINK_CLOSE,
    THINK_OPEN,
    Chat,
    Encoded,
    Turn,
    row_pieces,
    template_messages,
    turns,
)
from jobs.logic.chat.delimiters import CONVERSATION, Delimiter, compared
from jobs.logic.chat.row_audit import Expected

PROBE = '名刀の極め、第12回。\n\n  indented\tTab  3.14159 don\'t naïve ελλάδα 👩‍👩‍👧 ﾊﾝｶｸ {"a": [1, 2]}\r\nEnd'
"""Encoded to tell one vocabulary from another."""

SHIELD = "\U0010fffe"
"""A noncharacter put into control strings of content, so that neither template nor tokenizer takes them for real."""


class ChatTokenizer:
    """A tokenizer loaded from a folder; `template` replaces its own, and `template_name` is what Refusals call it.

    Raises Refusal where the folder's files are no tokenizer with a chat template.
    """

    def __init__(
        self, folder: Path, bounds: Bounds, template: str | None = None, template_name: str | None = None
    ) -> None:
        with library_errors(f"{folder}: no tokenizer can be loaded from its files"):
            self._hf = AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
            backend = self._hf.backend_tokenizer  # a tokenizer without one is not from tokenizer.json
        own = self._hf.chat_template
        text = own if template is None else template
        if not isinstance(text, str):
            raise Refusal(f"{folder}: has no chat template; choose one of ours, for example chat=plain")
        self._renderer = Renderer(
            text, template_name or f"{folder}/chat_template.jinja", self._hf.special_tokens_map, bounds
        )
        self.added: dict[str, int] = dict(self._hf.get_added_vocab())
        """Every added token, special or not: string to id."""
        self._plain = without_added_tokens(backend)
        longest_first = sorted(self.added, key=len, reverse=True)
        self._control = re.compile(f"({'|'.join(map(re.escape, longest_first))})" if longest_first else r"(?!)()")
        self._known: dict[str, list[int]] = {}

    @property
    def num_tokens(self) -> int:
        """Entries, added tokens included: what the rows of the model's matrix must cover."""
        return len(self._hf)

    @property
    def pad(self) -> int | None:
        """The id of the padding token."""
        number: int | None = self._hf.pad_token_id
        return number

    @property
    def fingerprint(self) -> str:
        """Stands for the vocabulary and merges: 16 hex digits over the ids of a fixed text."""
        ids = self._plain.encode(PROBE, add_special_tokens=False).ids
        return hashlib.sha256(json.dumps(ids).encode()).hexdigest()[:16]

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Plain texts as ids and character offsets."""
        return [
            Encoded(one.ids, one.offsets) for one in self._plain.encode_batch(list(texts), add_special_tokens=False)
        ]

    def encode_rendered(self, texts: Sequence[str]) -> list[list[int]]:
        """Rendered texts as ids: added tokens by their id, shielded ones as the plain text they are."""
        split = [self._control.split(text) for text in texts]
        new = {part.replace(SHIELD, "") for parts in split for part in parts[::2]} - self._known.keys() - {""}
        for part, one in zip(new, self._plain.encode_batch_fast(list(new), add_special_tokens=False), strict=True):
            self._known[part] = one.ids
        return [self._joined(parts) for parts in split]

    def _joined(self, parts: Sequence[str]) -> list[int]:
        ids: list[int] = []
        for place, part in enumerate(parts):
            if place % 2:
                ids.append(self.added[part])
            elif plain := part.replace(SHIELD, ""):
                ids.extend(self._known[plain])
        return ids

    def stops(self, thinking_block: str) -> dict[str, object]:
        """`stops.json`: the ids that end an answer, and the think tags'.

        Raises Refusal where a control token is missing that rows with this thinking block are made of.
        """
        needed = [IM_START, IM_END, END_OF_TEXT] + ([] if thinking_block == "none" else [THINK_OPEN, THINK_CLOSE])
        missing = [string for string in needed if string not in self.added]
        if missing:
            has = ", ".join(list(self.added)[:8]) or "none"
            raise Refusal(f"the tokenizer has no added token {', '.join(missing)}, so it is not Qwen3's; it has {has}")
        return {
            "end_of_turn": self.added[IM_END],
            "end_of_text": self.added[END_OF_TEXT],
            "stop_ids": [self.added[IM_END], self.added[END_OF_TEXT]],
            "think_open": self.added.get(THINK_OPEN),
            "think_close": self.added.get(THINK_CLOSE),
        }

    def has_control_text(self, text: str) -> bool:
        """Whether the string of an added token occurs in `text`."""
        return self._control.search(text) is not None

    def shielded(self, text: str) -> str:
        """`text` with its control strings broken by SHIELD."""
        return self._control.sub(lambda found: found[0][0] + SHIELD + found[0][1:], text)

    def render(self, conversations: Sequence[Asked]) -> list[str]:
        """The template's text of each; raises Refusal where it fails, or goes beyond its bounds."""
        return self._renderer.render(conversations)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids, added tokens spelled out, nothing tidied."""
        text: str = self._hf.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text


def prompt_texts(tokenizer: ChatTokenizer, conversations: Sequence[Sequence[Turn]]) -> list[list[str]]:
    """The prompts for each last answer, shielded: first as a client that passes no flag sends it, then, where the
    template makes a difference, with `enable_thinking=False`."""
    before = [template_messages(laid_out[:-1], tokenizer.shielded) for laid_out in conversations]
    default = tokenizer.render([Asked(messages, ask=True) for messages in before])
    no_thinking = tokenizer.render([Asked(messages, ask=True, enable_thinking=False) for messages in before])
    return [[one] if one == other else [one, other] for one, other in zip(default, no_thinking, strict=True)]


def prompt_ids(tokenizer: ChatTokenizer, conversations: Sequence[Sequence[Turn]]) -> list[list[list[int]]]:
    """The tokens of `prompt_texts` of each conversation."""
    texts = prompt_texts(tokenizer, conversations)
    ids = iter(tokenizer.encode_rendered([text for some in texts for text in some]))
    return [[next(ids) for _ in some] for some in texts]


def opening(tokenizer: ChatTokenizer, prompt: Sequence[int]) -> str:
    """What a generation prompt already has of the answer, after its header `<|im_start|>assistant\\n`.

    Empty for most templates; `<think>\\n` where the prompt opens the thinking block, as Qwen3-*-Thinking-2507's does;
    the whole empty block under `enable_thinking=False`. Empty too where the prompt has no such header.
    """
    start = max((place for place, number in enumerate(prompt) if number == tokenizer.added[IM_START]), default=None)
    header, _, rest = tokenizer.decode(prompt[start:]).partition("\n") if start is not None else ("", "", "")
    return rest if header == f"{IM_START}assistant" else ""


def default_opening(tokenizer: ChatTokenizer) -> str:
    """The `opening` of the prompt that a client gets that passes no flag."""
    (prompts,) = prompt_ids(tokenizer, [[Turn(role, "", None, False, False) for role in ("user", "assistant")]])
    return opening(tokenizer, prompts[0])


def expected_rows(tokenizer: ChatTokenizer, conversations: Sequence[Sequence[Turn]]) -> list[Expected]:
    """What the template makes of conversations, and the tokens of that."""
    asked = [Asked(template_messages(laid_out, tokenizer.shielded), ask=False) for laid_out in conversations]
    texts = tokenizer.render(asked)
    ids, prompts = tokenizer.encode_rendered(texts), prompt_ids(tokenizer, conversations)
    return [
        Expected(list(laid_out), text.replace(SHIELD, ""), row, some)
        for laid_out, text, row, some in zip(conversations, texts, ids, prompts, strict=True)
    ]


def delimiters(tokenizer: ChatTokenizer, chat: Chat) -> list[Delimiter]:
    """What the template puts around texts, against what rows laid out by `chat` have there."""
    ours = "".join(piece.text for piece in row_pieces(turns(CONVERSATION, chat)))
    whole, asked, no_thinking = tokenizer.render(
        [
            Asked(CONVERSATION, ask=False),
            Asked(CONVERSATION[:-1], ask=True),
            Asked(CONVERSATION[:-1], ask=True, enable_thinking=False),
        ]
    )
    prompts = {"prompt, no flag": asked}
    if chat.thinking_block != "keep" and no_thinking != asked:
        prompts["prompt, enable_thinking=False"] = no_thinking
    return compared(whole, ours, prompts)


def inspect(tokenizer: ChatTokenizer) -> dict[str, Any]:
    """Facts of a tokenizer and its template; names are those of preflight's `Tokenizer`."""
    wanted = (IM_START, IM_END, END_OF_TEXT, THINK_OPEN, THINK_CLOSE)
    (prompts,) = prompt_texts(tokenizer, [[Turn(role, "", None, False, False) for role in ("user", "assistant")]])
    return {
        "num_tokens": tokenizer.num_tokens,
        "fingerprint": tokenizer.fingerprint,
        "missing": [string for string in wanted if string not in tokenizer.added],
        "pad_is_end_of_turn": tokenizer.pad == tokenizer.added[IM_END],
        "has_pad": tokenizer.pad is not None,
        "num_prompts": len(prompts),
    }


def without_added_tokens(tokenizer: Tokenizer) -> Tokenizer:
    """A copy in which no text is ever an added token."""
    plain = Tokenizer(tokenizer.model)
    plain.normalizer, plain.pre_tokenizer = tokenizer.normalizer, tokenizer.pre_tokenizer
    return plain

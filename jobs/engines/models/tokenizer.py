"""A Hugging Face tokenizer and its chat template, with two ways to encode.

`encode` takes plain text, in which nothing ever becomes an added token: a copy of the tokenizer without added tokens
does it, for `split_special_tokens` of transformers still matches those that are not flagged as special, `<think>` and
the tool tags among them. `encode_rendered` takes what a template rendered, in which the added tokens are real.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2.exceptions import TemplateError
from tokenizers import Tokenizer
from transformers import AutoTokenizer

from jobs.core.errors import Refusal
from jobs.logic.chat.chatml import (
    END_OF_TEXT,
    IM_END,
    IM_START,
    THINK_CLOSE,
    THINK_OPEN,
    Chat,
    Encoded,
    Message,
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
    """A tokenizer loaded from a folder, or from the hub by id and revision; `template` replaces its own.

    Raises OSError or ValueError where there is none, as transformers does.
    """

    def __init__(self, name: str | Path, revision: str = "main", template: str | None = None) -> None:
        local = isinstance(name, Path)
        self.name = str(name)
        self._hf = AutoTokenizer.from_pretrained(str(name), revision=revision, local_files_only=local)
        if template is not None:
            self._hf.chat_template = template
        self.added: dict[str, int] = dict(self._hf.get_added_vocab())
        """Every added token, special or not: string to id."""
        self._plain = _without_added_tokens(self._hf.backend_tokenizer)
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
    def template(self) -> str | None:
        """The Jinja chat template, or None."""
        template = self._hf.chat_template
        return template if isinstance(template, str) else None

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

    def render(self, messages: Sequence[Message], ask: bool, enable_thinking: bool | None = None) -> str:
        """The template's text; with `ask`, up to where the model goes on. None: the flag is not passed at all."""
        flags: Mapping[str, bool] = {} if enable_thinking is None else {"enable_thinking": enable_thinking}
        plain = [dict(message) for message in messages]
        try:
            text: str = self._hf.apply_chat_template(plain, tokenize=False, add_generation_prompt=ask, **flags)
        except TemplateError as error:
            roles = ", ".join(message["role"] for message in plain)
            raise Refusal(f"the chat template cannot render turns of {roles}: {error}") from None
        return text

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids, added tokens spelled out, nothing tidied."""
        text: str = self._hf.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False)
        return text


def prompt_texts(tokenizer: ChatTokenizer, laid_out: Sequence[Turn]) -> list[str]:
    """The prompts for the last answer, shielded: first as a client that passes no flag sends it, then, where the
    template makes a difference, with `enable_thinking=False`."""
    before = template_messages(laid_out[:-1], tokenizer.shielded)
    default = tokenizer.render(before, ask=True)
    no_thinking = tokenizer.render(before, ask=True, enable_thinking=False)
    return [default] if no_thinking == default else [default, no_thinking]


def prompt_ids(tokenizer: ChatTokenizer, conversations: Sequence[Sequence[Turn]]) -> list[list[list[int]]]:
    """The tokens of `prompt_texts` of each conversation."""
    texts = [prompt_texts(tokenizer, laid_out) for laid_out in conversations]
    ids = iter(tokenizer.encode_rendered([text for some in texts for text in some]))
    return [[next(ids) for _ in some] for some in texts]


def expected_rows(tokenizer: ChatTokenizer, conversations: Sequence[Sequence[Turn]]) -> list[Expected]:
    """What the template makes of conversations, and the tokens of that."""
    texts = [tokenizer.render(template_messages(laid_out, tokenizer.shielded), ask=False) for laid_out in conversations]
    ids, prompts = tokenizer.encode_rendered(texts), prompt_ids(tokenizer, conversations)
    return [
        Expected(list(laid_out), text.replace(SHIELD, ""), row, some)
        for laid_out, text, row, some in zip(conversations, texts, ids, prompts, strict=True)
    ]


def delimiters(tokenizer: ChatTokenizer, chat: Chat) -> list[Delimiter]:
    """What the template puts around texts, against what rows laid out by `chat` have there."""
    ours = "".join(piece.text for piece in row_pieces(turns(CONVERSATION, chat)))
    prompts = {"prompt, no flag": tokenizer.render(CONVERSATION[:-1], ask=True)}
    no_thinking = tokenizer.render(CONVERSATION[:-1], ask=True, enable_thinking=False)
    if chat.thinking_block != "keep" and no_thinking not in prompts.values():
        prompts["prompt, enable_thinking=False"] = no_thinking
    return compared(tokenizer.render(CONVERSATION, ask=False), ours, prompts)


def _without_added_tokens(tokenizer: Tokenizer) -> Tokenizer:
    plain = Tokenizer(tokenizer.model)
    plain.normalizer, plain.pre_tokenizer = tokenizer.normalizer, tokenizer.pre_tokenizer
    return plain

"""Text that belongs to a template, a tag list or a page, and not to what was said."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]")
"""Takes no room on a screen: zero-width, direction and tag characters."""

CONTROL_TOKEN = re.compile(
    r"<\|[^|<>\s]{1,40}\|>"  # ChatML, Llama 3, fill-in-the-middle, DeepSeek
    r"|<?\|?(?:im_start|im_end|endoftext|eot_id|start_header_id)\|>?|<\|(?:im_start|im_end|endoftext)"  # broken ones
    r"|</?s>|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>|<(?:bos|eos|pad|unk)>"
    r"|</?tool_(?:call|response)>",
    re.IGNORECASE,
)
CONTROL_SIGNS = "<[|"
"""Every control token has one of these."""
THINK_TAG = re.compile(r"</?think(?:ing)?>", re.IGNORECASE)
THOUGHT = re.compile(r"<think>((?!</?think).)*</think>\s*", re.DOTALL)

LABELS = (
    r"記事タイトル|タイトル案?|題名|表題|見出し|件名|ハッシュタグ|タグ|カテゴリー?|キーワード|回答|答え|応答|返答|出力|要約"
    r"|article title|title|headline|subject|hashtags?|tags?|keywords?|category|categories|answer|response|output|result"
)
LABEL = re.compile(
    rf"\A[*_\"'「『]{{0,3}}(?:【\s*(?:{LABELS})\s*】|[\[［<＜〈《]\s*(?:{LABELS})\s*[\]］>＞〉》]"
    rf"|(?:{LABELS})[*_]{{0,3}}\s?[:：])",
    re.IGNORECASE,
)
ROLE = re.compile(
    r"\A[*_]{0,3}(?:user|assistant|human|chatgpt|ai assistant|ユーザー?|アシスタント|system)[*_]{0,3}\s?(?:[:：]|\n)"
    r"|^(?:user|assistant|human|ユーザー?|アシスタント)\s?[:：]",
    re.IGNORECASE | re.MULTILINE,
)
HEADER_WORDS = r"response|instruction|input|output|answer|question|assistant|user|system|回答|応答|指示|入力|出力|質問"
HEADER = re.compile(
    rf"\A#{{2,4}}\s*(?:{HEADER_WORDS})\s*$|^#{{2,4}}\s*(?:{HEADER_WORDS})\s*[:：]", re.IGNORECASE | re.MULTILINE
)
HASHTAG = r"(?<![A-Za-z0-9])[#＃](?![0-9]+(?:\W|$))[^\s#＃、,，]+"
HASHTAGS = re.compile(
    rf"\A(?:{HASHTAG}[\s、,，]*)+\Z|{HASHTAG}[ \t　、,，]*{HASHTAG}|^{HASHTAG}\n{HASHTAG}$", re.MULTILINE
)
BRACKET_TAG = re.compile(r"\A\[[A-Z][A-Z_ -]{1,20}\]|\[/[A-Za-z][A-Za-z_ -]{1,20}\]|\[[A-Z][A-Z_-]{2,20}\]\Z")
HTML_NAMES = (
    "br|hr|div|span|em|strong|h[1-6]|ul|ol|li|table|tr|td|th|html|head|body|title|meta|img|font|center|"
    "section|article|headline|answer|response|output|input|result|tags?|text|content|item|entry|name"
)
MARKUP_TAG = re.compile(
    rf"<([A-Za-z][\w-]*)(?:\s+[\w-]+\s*=\s*[\"'][^\"'<>]*[\"'])*\s*>[\s\S]*?</\1\s*>"
    rf"|</[abipu]>|</?(?:{HTML_NAMES})(?:\s+[\w-]+\s*=\s*[\"'][^\"'<>]*[\"'])*\s*/?>|<!--|<!\[CDATA\[|<\?xml",
    re.IGNORECASE,
)
CODE = re.compile(r"```.*?(?:```|$)|`[^`\n]+`", re.DOTALL)
"""What stands in code marks is quoted, not leaked."""

HINTS = re.compile(r"[<\[#＃【〔＜〈《［:：\n]")
"""Every pattern for answers needs one of these."""


def control_token(text: str) -> str | None:
    """A string that may be taken for a control token, also behind full-width letters or invisible characters."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text)
    if not any(sign in plain for sign in CONTROL_SIGNS):
        return None
    found = CONTROL_TOKEN.search(text) or CONTROL_TOKEN.search(INVISIBLE.sub("", plain))
    return found[0] if found else None


def stray_think_tag(text: str, answers: bool) -> str | None:
    """A think tag where none may stand: anywhere but one closed block that opens an answer."""
    rest = text
    if answers:
        opening = THOUGHT.match(text)
        rest = text[opening.end() :] if opening else text
    found = THINK_TAG.search(rest)
    return found[0] if found else None


def tag_forms(answer: str) -> Iterator[tuple[str, str]]:
    """(reason, what was seen) for each dress of a tag that the answer wears."""
    if not HINTS.search(answer):
        return
    spoken = CODE.sub(" ", answer) if "`" in answer else answer
    patterns = (
        ("template-header", HEADER),
        ("hashtags", HASHTAGS),
        ("bracket-tag", BRACKET_TAG),
        ("markup-tag", MARKUP_TAG),
        ("label", LABEL),
        ("role-label", ROLE),
    )
    for reason, pattern in patterns:
        found = pattern.search(spoken)
        if found:
            yield reason, found[0]

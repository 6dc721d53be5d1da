"""Text that belongs to a template, a tag list or a page, and not to what was said."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
"""Takes no room on a screen: zero-width, direction and tag characters, fillers."""
SELECTORS = "\ufe00-\ufe0f\U000e0100-\U000e01ef"
TAKES_NO_ROOM = re.compile(f"{INVISIBLE.pattern[:-1]}{SELECTORS}]")
"""INVISIBLE, and what chooses between forms of the character before it."""
JOINING = "\u0600-\u08ff\u0900-\u0dff\u0e80-\u109f\u1780-\u18af\ufb50-\ufdff\ufe70-\ufefc"
"""Arabic, Indic and other scripts that tell words apart by joiners."""
PICTURES = "\u00a9\u00ae\u203c-\u3299\ufe0f\U0001f000-\U0001faff\U000e007f"
STRAY = re.compile(
    f"(?<=[{JOINING}])[\u200c\u200d]|(?<=[{PICTURES}])\u200d(?=[{PICTURES}])"
    "|(?<=\U0001f3f4)[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f"  # flags of Scotland, Wales ...
    "|(?<=[\u1800-\u18af])[\u180b-\u180f]|(?<=[\u1100-\u115f])\u1160|\u115f(?=\u1160)"
    f"|(?P<stray>{INVISIBLE.pattern}|(?<=[{SELECTORS}])[{SELECTORS}])"
)
"""Invisible characters; what is right where it stands comes without the group."""

_NAMES = (
    "im_start|im_end|im_sep|endoftext|startoftext|eot_id|eom_id|begin_of_text|end_of_text|start_header_id|end_header_id"
    "|start_of_turn|end_of_turn|fim_prefix|fim_middle|fim_suffix"
)
CONTROL_TOKEN = re.compile(
    r"<\|[^|<>\s]{1,40}\|>"  # ChatML, Llama 3, fill-in-the-middle, DeepSeek
    rf"|(?:<\|?\s?/?|\|)(?:{_NAMES})(?![A-Za-z0-9_])"  # broken ones
    r"|</?s>|\[/?INST\]|<</?SYS>>|<(?:bos|eos|pad|unk)>|</?tool_(?:call|response)>",
    re.IGNORECASE,
)
TOKEN_END = re.compile(rf"(?:{_NAMES})[|>]", re.IGNORECASE)
"""Of a token that lost its beginning."""
CONTROL_SIGN = re.compile("[<\\[|>＜［｜＞﹤﹥◁]")
"""Every control token and think tag has one of these."""
FOREIGN_TOKEN = re.compile(
    r"<(?:mask|sep|cls|eod|eop|eoh|eoa|human|bot|extra_id_\d+|unused\d+|reserved_\d+|0x[0-9A-F]{2})>"
    r"|\[/?(?:SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|gMASK|EOS|BOS)\]"
)
"""Of other models: text to ours, and out of place in an answer."""
WORD_PIECES = re.compile("(?:[\u2581\u0120][A-Za-z]{1,20}){3}")
"""How SentencePiece and byte-level BPE write words."""
THINK_TAG = re.compile(r"</?(?:seed:)?think(?:ing)?\b>?|◁/?think▷|\[/?THINK\]|\A\s*/?think>", re.IGNORECASE)
# Not `(?:[^<]++|...)*+`: re of Python 3.11.2 finds nothing with one possessive repeat in another.
THOUGHT = re.compile(r"<think>(?:[^<]|<(?!/?think))*</think>\s*")

_TITLES = "記事タイトル|タイトル|題名|表題|見出し|題|article title|blog title|title|headline"
_TAGS = "ハッシュタグ|タグ|キーワード|カテゴリー?|hashtags?|tags?|keywords?|category|categories"
_REPLIES = "回答|答え|応答|返答|返信|出力|結果|要約|final answer|answer|response|reply|output|result|summary|completion"
_ASKED = "質問|指示|入力|本文|分類|プロンプト|question|instruction|input|prompt|text|topic|heading|label"
_TITLE = (
    "(?:(?:記事|ブログ|本文|動画|提案|おすすめ|仮|新しい|日本語|英語)の?"
    "|(?:the|your|my|suggested|proposed|possible|recommended|generated|new|final|short|japanese|english) ){0,2}"
    rf"(?:{_TITLES})(?:案|候補|例)?\s?(?:[0-9]{{1,2}}|\([^()\n]{{1,12}}\))?"
)
_WORDS = rf"(?:{_TITLE}|{_TAGS}|(?:{_REPLIES}|{_ASKED})[0-9]?)"
_OPEN = r"[\s*_~>\"'“”‘’「『#■◆●○◇□▼▽▶★☆✨・•–—-]{0,6}"
_SHUT = r"[*_~\"'”’」』]{0,4}"
LABEL = re.compile(
    rf"\A{_OPEN}(?:\(?[0-9]{{1,2}}[.):、]?\s*{_OPEN})?(?:"
    rf"[【〔〖\[<〈《≪{{]\s*{_WORDS}\s*(?::\s*)?[】〕〗\]>〉》≫}}]"
    rf"|{_WORDS}{_SHUT}は?\s?(?::|⇒|→|>>)|{_TITLE}{_SHUT}\s?(?:=>?(?!=)|\s*\n|\s[-–—―]\s)|■(?:{_TITLES})■"
    rf"|(?:回答|応答|出力|answer|response|output){_SHUT}\s*\n)",
    re.IGNORECASE,
)
"""For the beginning of an answer, in NFKC."""
LABELLED = 80
"""Characters, the beginning of an answer."""
ENDS_LABEL = re.compile(r"[:：⇒→>＞＝=】〕〗\]］〉》≫}｝\n■–—―-]")
"""Every label has one of these behind it."""
SUBJECT = re.compile(rf"\A{_OPEN}(?:件名|subject)[*_]*\s?[:：][^\n]*\Z", re.IGNORECASE)
"""A letter begins with its subject; an answer of one line does not."""
TAG_LINE = re.compile(
    r"【\s*(?:ハッシュ)?タグ\s*】|^[*_■◆・\s-]{0,4}(?:ハッシュタグ|タグ|hash ?tags|tags)[*_]{0,2}\s?[:：]",
    re.IGNORECASE | re.MULTILINE,
)
ROLE = re.compile(
    r"^[*_#「『【]{0,4} ?(?:user|assistant|human|ai assistant|ユーザー?|アシスタント|人間)[*_」』】]{0,2}\s?[:：]"
    r"|^assistant\n|\A【アシスタント】"
    r"|\A[*_#]{0,4} ?(?:user|assistant|system|model|human|ユーザー?|アシスタント)[*_]{0,2}\s*\n"
    r"|\A[*_]{0,2}(?:bot|chatbot|チャットボット|ボット)[*_]{0,2}\s?[:：]"
    r"|\A[*_]{0,2}(?:q|me|customer|質問)[*_]{0,2}\s?[:：][^\n]*\n+[*_]{0,2}(?:a|you|agent|回答|ai)[*_]{0,2}\s?[:：]"
    r"|\A[*_#]{0,4} ?(?:system|システム)[*_]{0,2}\s?[:：]\s*(?:you are|you're|あなたは)",
    re.IGNORECASE | re.MULTILINE,
)
SPEAKER = re.compile(r"\A[*_]{0,2}(?:(?i:(AI|ChatGPT|GPT[-0-9.o]*|Model|System|モデル|システム))|A)[*_]{0,2}\s?[:：]")
"""Says who speaks, if the prompt has nothing of the name: an article on AI may have a title that begins like this."""
CHOICE = re.compile(r"(?<![A-Za-z])A\s?[.:：)）、]")
"""`A` as it is named in a question with several answers."""
LONGEST_ROLE = 20
"""Characters of a line that holds a role and nothing else."""
_HEADINGS = r"response|instruction|input|output|answer|question|assistant|user|system|回答|応答|指示|入力|出力|質問"
HEADER = re.compile(
    rf"\A#{{1,4}}\s*(?:{_HEADINGS})\s*$|^#{{2,4}}\s*(?:{_HEADINGS})\s*[:：]"
    r"|^#{2,4}\s*(?:end\s*)?\Z|\A#{2,4}\s*end\s*$"
    rf"|^[-=]{{3,}}\s*(?:{_HEADINGS})\s*(?:[:：]\s*)?[-=]{{3,}}$",
    re.IGNORECASE | re.MULTILINE,
)
PREAMBLE = re.compile(
    r"\W{0,4}(?:below is an instruction that describes|a chat between a curious|the following is a conversation (?:with"
    "|between)|以下は、?(?:ある)?タスクを説明する指示)",
    re.IGNORECASE,
)
"""What Alpaca's and Vicuna's templates begin with."""
_COLOUR = r"(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})\b"
_DIRECTIVE = r"(?:include|define|undef|if|ifdef|ifndef|else|elif|endif|pragma|region|endregion)\b"
_HASHTAG = rf"[#＃](?![!%]|[0-9]+(?:\W|$)|{_COLOUR}|{_DIRECTIVE})[^\s#＃、,，|／/]++"
_NO_CHANNEL = "".join(f"(?<! {word} )" for word in ("in", "the", "to", "on", "at", "tag", "channel", "with", "use"))
_FIRST = rf"(?<![A-Za-z0-9&/#＃]){_HASHTAG}"
HASHTAGS = re.compile(
    rf"\A[\s・*-]*{_HASHTAG}(?:[\s、,，|／/・*-]*+{_HASHTAG})*[\s、,，|／/]*\Z"
    rf"|\A{_HASHTAG}\s|(?<=\s){_NO_CHANNEL}{_HASHTAG}\s*\Z"
    rf"|{_FIRST}[ \t\u3000、,，|／/・]*{_HASHTAG}"
    rf"|^(?:[・*-]|[^\S\n])*+{_HASHTAG}[^\S\n]*+\n[・*\s-]*+{_HASHTAG}\s*$",
    re.MULTILINE,
)
_OURS = r"(?:SECRET|EMAIL|IBAN|CARD|MY-NUMBER|SSN|PHONE|IP-ADDRESS)\]"
BRACKET_TAG = re.compile(
    rf"\A[\[［]{{1,2}}(?!{_OURS})[A-ZＡ-Ｚ][A-ZＡ-Ｚ_ -]{{1,20}}[\]］](?!\()"
    r"|[\[［](?i:end|eos|stop|end of [a-z]{3,12}|終わり|終了|以上|完)[\]］]\Z"
    r"|[\[［]/[A-Za-zぁ-ヿ一-鿿][\w -]{0,20}[\]］](?!\()"
    rf"|[\[［](?!{_OURS})[A-ZＡ-Ｚ][A-ZＡ-Ｚ_-]{{2,20}}[\]］]\Z"
    r"|\A(?:\{\{\s*\w+\s*\}\}|\{\w+\}|\$\{\w+\}|%\w+%)\Z"
)
NAMED_TAGS = frozenset(
    [
        "title",
        "headline",
        "answer",
        "output",
        "out",
        "response",
        "tag",
        "text",
        "start",
        "stop",
        "input",
        "result",
        "question",
        "reply",
        "summary",
        "label",
    ]
)
"""What a template calls a part of a row, and no song or log does."""
_SURE = (
    "br|hr|div|span|em|strong|h[1-6]|ul|ol|li|table|tbody|thead|tr|td|th|html|head|body|meta|img|font|center|section"
    "|article|script|style|iframe|headline|answer|response|blockquote|button|form|svg|nav|footer"
)
_ATTRIBUTE = r"\s+[\w:-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>=]+)"
MARKUP_TAG = re.compile(
    r"[<＜]/[^\W\d][\w:.-]{0,30}\s*[>＞]"
    rf"|<(?:{_SURE})(?:{_ATTRIBUTE}){{0,9}}\s*/?>|<[a-z][\w-]{{0,30}}(?:{_ATTRIBUTE}){{1,9}}\s*/?>"
    r"|\A[<＜](?:p|title|tags?|output|input|result|text|content|item|entry|name)[>＞]"
    r"|<!--|<!\[CDATA\[|<\?xml|<!DOCTYPE|&(?:nbsp|lt|gt|amp|quot|apos|\#\d{2,6}|\#x[0-9a-f]{2,6});",
    re.IGNORECASE,
)
TAG_NAME = re.compile(r"([<＜])/?([\w:.-]+).*", re.DOTALL)
CODE = re.compile(r"```.*?(?:```|$)|`[^`\n]+`", re.DOTALL)
"""What stands in code marks is quoted, not leaked."""
STARTS_LIKE_ONE = re.compile(rf"{PREAMBLE.pattern}|[^\w\s]{{0,2}}(?:{_TITLES})", re.IGNORECASE)
"""What a template or a title that is named so begins with, where it has no sign of DRESS_SIGN."""
DRESS_SIGN = re.compile("[#＃&:：{}%＝→⇒】〕〗〉》≫\n\u2581\u0120]")
"""Every tag that is no control token has one of these or of CONTROL_SIGN."""
ASKS = re.compile(r"(?:^|[\s。.」\"])(?:User|Human|ユーザー?)\s?[:：]", re.MULTILINE)
REPLIES = re.compile(r"(?:^|[\s。.」\"])(?:Assistant|AI|Bot|アシスタント)\s?[:：]", re.MULTILINE)
HASHED = (("template-header", HEADER), ("hashtags", HASHTAGS))
BRACKETED = (("control-token", FOREIGN_TOKEN), ("bracket-tag", BRACKET_TAG), ("markup-tag", MARKUP_TAG))
COLONED = (("label", SUBJECT), ("label", TAG_LINE), ("role-label", ROLE))
"""What needs a sign of the kind, with the reason it is."""


def stray_invisible(text: str) -> list[str]:
    """The invisible characters that nothing calls for; emoji, Arabic and Indic scripts keep their joiners."""
    if text.isascii() or not TAKES_NO_ROOM.search(text):
        return []
    return [found[0] for found in STRAY.finditer(text) if found["stray"]]


def without_stray_invisible(text: str) -> str:
    """The text without them."""
    return STRAY.sub(lambda found: "" if found["stray"] else found[0], text)


def control_token(text: str) -> str | None:
    """A string that may be taken for a control token, also behind full-width letters or invisible characters."""
    if not CONTROL_SIGN.search(text):
        return None
    found = _control_token(text)
    if found is None and not text.isascii():
        found = _control_token(INVISIBLE.sub("", unicodedata.normalize("NFKC", text)))
    return found[0] if found else None


def _control_token(text: str) -> re.Match[str] | None:
    found = CONTROL_TOKEN.search(text)
    return found or (TOKEN_END.search(text) if "_" in text or "oftext" in text.lower() else None)


def stray_think_tag(text: str, answers: bool) -> str | None:
    """A think tag where none may stand: anywhere but one closed block that opens an answer."""
    if "hink" not in text and "HINK" not in text:
        return None
    found = THINK_TAG.search(without_thought(text) if answers else text)
    return found[0] if found else None


def without_thought(answer: str) -> str:
    """What is said after the closed thinking block that an answer may open with."""
    thought = THOUGHT.match(answer) if answer.startswith("<think>") else None
    return answer[thought.end() :] if thought else answer


def thought(answer: str) -> str | None:
    """What stands in the closed thinking block that an answer opens with; None where it opens with none."""
    said = without_thought(answer)
    if len(said) == len(answer):
        return None
    return answer[: len(answer) - len(said)].rstrip().removeprefix("<think>").removesuffix("</think>").strip()


def is_nested_dialog(text: str) -> bool:
    """Whether one turn holds a talk of several: `User: ... Assistant: ...`."""
    asks = ASKS.search(text) if any(word in text for word in ("User", "Human", "ユーザ")) else None
    return asks is not None and REPLIES.search(text, asks.end()) is not None


def tag_forms(answer: str) -> Iterator[tuple[str, str]]:
    """(reason, what was seen) for each dress of a tag that the answer wears."""
    spoken = unquoted(answer)
    for reason, pattern in _worth_a_look(spoken):
        found = pattern.search(spoken)
        if found:
            yield reason, found[0]
    speaker = SPEAKER.match(spoken) if ":" in spoken or "：" in spoken else None
    if speaker:
        yield "role-label", speaker[0]
    head = spoken[:LABELLED]
    if ENDS_LABEL.search(head):
        found = LABEL.match(head if head.isascii() else unicodedata.normalize("NFKC", head))
        if found:
            yield "label", found[0]


def unquoted(text: str) -> str:
    """The text without what stands in code marks."""
    return CODE.sub(" ", text) if "`" in text else text


def has_all_tags(answer: str, prompt: str) -> bool:
    """Whether the prompt has all the tags that are in the answer, however they are closed."""
    spoken = unquoted(answer)
    return has_all({tag_name(found[0]) for found in MARKUP_TAG.finditer(spoken)}, prompt)


def has_all(pieces: set[str], text: str) -> bool:
    """Whether every piece stands in the text; all are looked for at once, for an answer may have thousands."""
    left, signs, sizes = set(pieces), {piece[0] for piece in pieces}, {len(piece) for piece in pieces}
    for place, sign in enumerate(text):
        if sign in signs:
            left.difference_update(text[place : place + size] for size in sizes)
            if not left:
                return True
    return not left


def tag_name(tag: str) -> str:
    """The sign and the name that a tag opens with; that of </p> is <p."""
    return TAG_NAME.sub(r"\1\2", tag, count=1).rstrip(">＞ ") if tag[0] in "<＜" else tag


def is_named(answer: str, prompt: str) -> bool:
    """Whether the prompt names whoever the answer begins with."""
    speaker = SPEAKER.match(answer)
    if speaker is None:
        return False
    return (CHOICE if speaker[1] is None else name_pattern(speaker[1])).search(prompt) is not None


def name_pattern(name: str) -> re.Pattern[str]:
    """The name as a word of its own."""
    return re.compile(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", re.IGNORECASE)


def _labels_a_line(text: str) -> bool:
    """Whether a colon stands near enough to the beginning of a line to end a label or a role."""
    first = [place for place in (text.find(":"), text.find("：")) if place >= 0]
    return bool(first) and (min(first) <= LABELLED or "\n" in text)


def _worth_a_look(text: str) -> list[tuple[str, re.Pattern[str]]]:
    """The patterns that may be found, by the signs that they cannot do without."""
    patterns = [("template-header", PREAMBLE)] if PREAMBLE.match(text) else []
    if "#" in text or "＃" in text:
        patterns += HASHED
    elif "---" in text or "===" in text:
        patterns.append(("template-header", HEADER))
    if "<" in text or "[" in text or "＜" in text or "［" in text:
        patterns += BRACKETED
    elif "&" in text:
        patterns.append(("markup-tag", MARKUP_TAG))
    elif text[0] in "{$%":
        patterns.append(("bracket-tag", BRACKET_TAG))
    if _labels_a_line(text):
        patterns += COLONED
    elif "sistant\n" in text or text.find("\n", 0, LONGEST_ROLE) > 0:
        patterns.append(("role-label", ROLE))
    if "【" in text:
        patterns += (("label", TAG_LINE), ("role-label", ROLE))
    if "\u2581" in text or "\u0120" in text:
        patterns.append(("control-token", WORD_PIECES))
    return patterns

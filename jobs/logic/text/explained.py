"""Whether what looks like spoilage in an answer is what its prompt asked for.

Each reason has its own way to be explained, and a word in the prompt alone is none: the answer has to be of the form
that was asked for as well.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable

from jobs.logic.text import asked_code, cues, declines, echoes, markup, program
from jobs.logic.text.wanted import Asked

SPEAKER_LINE = re.compile(
    r"^[*_#「『【\[>\s-]{0,6}[^\s:：\n][^:：\n。.!?！？]{0,29}[*_」』】\]]{0,3}\s?[:：]", re.MULTILINE
)
"""A line of a dialogue or of a form: who speaks, or what is filled in."""
STYLE_RULE = re.compile(
    r"^[#.\w][\w#.:> ,-]{0,80}\s?\{\s*(?:[\w-]{1,40}\s?:[^\n;{}]{1,120};|\Z)", re.MULTILINE | re.ASCII
)
"""Of a style sheet, where # stands in front of an id."""
SELECTOR = re.compile(r"[\w.:>~+*,\[\]=\"'() -]*#[\w.:>~+*,\[\]=\"'() -]+", re.ASCII)
HEADING = re.compile(r"^#{1,6} \S", re.MULTILINE)
RUN = re.compile(r"([^\W\d]|[^\w\s])\1{7}")
"""One sign so often that an answer may have it as often: a translation, an edit."""
STRUCK = re.compile(r"<s>[^<>\n]*</s>")
"""Struck through in HTML."""
STRUCK_WITHIN = re.compile(r"<s>[^<>\n]{1,200}</s>(?=\s{0,9}[^\s<\[])")
"""That with text behind it: a model's own marks of a beginning and an end stand around all that was said."""
TOKEN_WORDS = re.compile(r"\btokeni[sz]|\btokens?\b|\b(?:BOS|EOS)\b|トークン|词元")
"""Of a text about tokens."""
TOLD_TOKEN = re.compile(r"(?:(?<=[\w,] )|(?<=[ぁ-ヶ一-鿿]))</?s>(?=\s[a-z]|[,.、。ぁ-ん])")
"""In the middle of one of its sentences."""
CONFIG_LINE = re.compile(r"\s*(?:#|- |(?:- )?[a-z_][a-z0-9_.-]{0,60}\s?[:=](?:\s|\Z))")
SECTION = re.compile(r"^\[[^\]\n/]{2,40}\]$", re.MULTILINE)
"""A heading in brackets, as songs and configurations have them."""
DATA_LINE = re.compile(r"\s*(?:-{3}|#|- |(?:- )?[\w\"'.-]{1,60}\s?[:=](?:\s|\Z))")
LEADERS = re.compile(r"^\S[^\n]*?[^\s.…・]\s?[.…・]{4,}\s?[^\s.…・]{1,12}\s*$", re.MULTILINE)
"""A line of a table of contents, of a menu."""
MENTION = re.compile(
    r"(?:\b(?:tags?|elements?|the|an?|use|uses|using|with|and|or|each|every|inside|between|in|into|of|to|is|like|called|as"
    r"|by|than|[,(])\s+|[(「『]|\A)[\"'“]?<[a-zA-Z!/][^<>\n]{0,80}>(?=[\"'”]?(?:\s+(?:[a-z]+|or|and)\b|\s?[,.;:)）」』、。は|がをとにのや]"
    r"|\s?(?:タグ|要素)|\s?\Z))"
)
"""A tag as a noun of a sentence: it is told of, and marks nothing."""
ENDS = ("end", "eos", "stop", "終わり", "終了")
LOG = re.compile(r"(?<![a-z])(?:logs?|ini|severity|checkbox|buttons?)(?![a-z])|ログ|日志", re.IGNORECASE)
"""What is written in square brackets."""
HAN_ONLY = re.compile(r"[\u3041-\u30fe]|\A[\x00-\x7f]*\Z")
"""What a Chinese text has not."""
OTHERS = re.compile(r"</?s>|\[/?INST\]|<</?SYS>>|<(?:bos|eos|pad|unk)>", re.IGNORECASE)
"""Control tokens of other models: to Qwen's tokenizer they are text."""
PLACEHOLDER = re.compile(
    r"templat|placeholder|variable|format string|テンプレ|プレースホルダ|変数|雛形|模板|占位", re.IGNORECASE
)
OUTPUT = re.compile(r"\W{0,6}(?:outputs?|results?|prints?|出力|実行結果|結果)", re.IGNORECASE)
ASKS = re.compile(r"\W{0,6}(?:question|q\b|質問|問題|问)", re.IGNORECASE)
TAG_WORDS = re.compile(r"\b(?:html|xml|tags?|elements?|attributes?)\b|タグ|要素|属性", re.IGNORECASE)
STRING_MARKS = ("'", '"', "`")
LABEL_WORD = re.compile(r"[A-Za-z]{3,}|[ぁ-ヿ一-鿿]{2,}")
LONGEST_TITLE = 120
"""Characters of a line on top of a text."""
TITLE_LABEL = re.compile(r"title|headline|タイトル|題|見出し", re.IGNORECASE)
LEAST_LABELS = 3
"""Lines of a form that show by their number that they are one."""
LEAST_TAGS = 3
"""Different tags that are a page, and no dress of a sentence."""
AROUND = re.compile(r"\A(?:\s{0,9}</?[A-Za-z!][^<>]{0,600}>){1,9}|(?:</?[A-Za-z!][^<>]{0,600}>\s{0,9}){1,9}\Z")
"""Tags around an answer."""
QUANTIFIERS = "+*{?$\\."
HASHTAG = re.compile(r"[#＃][^\s#＃、,，|／/。.!?！？:：）)」]+")
LINE_OF_TAGS = re.compile(r"^[^#＃\n]*[#＃](?![\s#＃!])[^\n]*$", re.MULTILINE)
FRAMES = frozenset(("<html", "<body", "<head"))
ELEMENT = re.compile(r"</?[A-Za-z][^<>]{0,600}>")
FILLED = re.compile(r"<[%?][^<>]{0,200}[%?]>|\{\{[^{}\n]{0,200}\}\}|\{%[^{}\n]{0,200}%\}")
"""What a template of a page puts between its tags."""
ATTRIBUTE = re.compile(r"\s[\w:-]{1,40}=")
MOST_BRACKETS = 100
"""Different ones that are looked at."""
LONGEST_HEAD = 400
"""Characters of an answer in which what stands behind its label is looked at."""
LONGEST_ENTRY = 40
"""Characters of an answer to one of many questions in a prompt."""
Way = Callable[[str, str, Asked], bool]
"""Whether (what was seen, the answer, what was asked) go together."""


def is_wanted(reason: str, seen: str, answer: str, asked: Asked) -> bool:
    """Whether the prompt explains what was `seen` in the answer for a reason."""
    way = WAYS.get(reason)
    return way is not None and way(seen, answer, asked)


def _hashtags(seen: str, answer: str, asked: Asked) -> bool:
    if asked.wants("hashtags"):
        return True
    tags = {tag.lower() for tag in HASHTAG.findall(answer)}
    if tags and markup.has_all(tags, asked.everything.lower()):
        return True
    if asked.wants("code") and SELECTOR.fullmatch(answer):
        return True
    if not (asked_code.is_told(answer, asked) or (STYLE_RULE.search(answer) and not asked.wants("plain"))):
        return False
    return all(_is_of_code(*found.span(), answer) for found in LINE_OF_TAGS.finditer(answer))


def _is_of_code(start: int, end: int, answer: str) -> bool:
    """Whether # in a line is a comment, an id or a piece of a string, and no tag of a post."""
    line = answer[start:end]
    behind = answer[end : end + program.LONGEST_LINE].lstrip("\n").partition("\n")[0]
    tags = HASHTAG.findall(line)
    if "{" in line or any(mark in line for mark in STRING_MARKS) or SELECTOR.fullmatch(line.strip(" {,;")):
        return len(tags) == 1 or not line.lstrip().startswith("#")
    is_comment = len(tags) == 1 and line.lstrip().startswith("#")
    return is_comment and (len(line.split()) > 1 or program.lines_of(behind).is_code)


def _is_asked_template(answer: str, asked: Asked) -> bool:
    return "{" in answer and PLACEHOLDER.search(asked.request) is not None


def _header(seen: str, answer: str, asked: Asked) -> bool:
    if seen.strip() in asked.everything or (asked_code.is_printed(asked) and not any(map(str.isalnum, seen))):
        return True
    if seen.startswith("#") and not seen.startswith("##") and asked_code.is_beside_prose(answer, asked):
        return program.lines_of(answer.replace(seen, "", 1)).is_code  # a comment
    if _is_asked_template(answer, asked):
        return True
    if markup.PREAMBLE.match(seen):
        return False
    headings = len(HEADING.findall(answer))
    named = sum(1 for _ in markup.HEADER.finditer(answer))
    return headings >= LEAST_LABELS and 2 * named <= headings + 1 and not asked.wants("plain")


def _labels(answer: str) -> list[str]:
    """The names in front of the colons of a form or a dialogue, each once."""
    return list(
        dict.fromkeys(found[0].strip(" *_#「」『』【】[]>-:：\n").lower() for found in SPEAKER_LINE.finditer(answer))
    )


def _label(seen: str, answer: str, asked: Asked) -> bool:
    if (asked.wants("data") and _is_data(answer, asked)) or _is_asked_template(answer, asked):
        return True
    head = unicodedata.normalize("NFKC", answer[:LONGEST_HEAD])
    behind = head[len(seen) :].lstrip(" :\n\t") if head.startswith(seen) else ""
    if "=" in seen and behind[:1] in STRING_MARKS and asked.wants("code"):
        return True
    if seen.endswith(":") and OUTPUT.match(seen) and asked_code.RUNS.search(asked.request):
        return True
    if _is_given_form(seen, asked):
        return True
    if _is_above_text(seen, behind, asked):
        return True
    if _is_on_top(behind):
        return False
    if asked.wants("dialogue") and ASKS.match(seen):
        return True
    request, labels = asked.request.lower(), _labels(answer)
    if len(labels) > 1:
        named = sum(any(word in request for word in LABEL_WORD.findall(label)) for label in labels)
        if named > 1 or (len(labels) >= LEAST_LABELS and not asked.wants("plain")):
            return True
    if cues.DEFINES.search(request) and any(word.lower() in request for word in LABEL_WORD.findall(seen)):
        return True
    if markup.SUBJECT.match(answer):
        return cues.GREETS.search(answer) is not None
    is_behind = answer.find(seen) > 0  # tags under a text
    return is_behind and any(word.lower() in request for word in LABEL_WORD.findall(seen))


def _is_above_text(seen: str, behind: str, asked: Asked) -> bool:
    """Whether the label is that of a line on top of a longer text: the title of a story, the question of a quiz."""
    if not asked.wants("titled") or asked.wants("plain") or markup.LABEL.match(behind):
        return False
    title, blank, text = behind.partition("\n\n")
    if not blank or len(title) > LONGEST_TITLE or "\n" in title or not text.strip():
        return False
    if TITLE_LABEL.search(seen):
        return title[-1:] not in "。."
    return any(word.lower() in asked.request.lower() for word in LABEL_WORD.findall(seen))


def _is_on_top(behind: str) -> bool:
    """Whether what comes behind a label begins with another one, or with code: the label is none of theirs."""
    first = behind.partition("\n")[0]
    return bool(first) and (
        SPEAKER_LINE.match(first) is not None or first[0] in "[<{" or program.lines_of(first).is_code
    )


def _is_given_form(seen: str, asked: Asked) -> bool:
    """Whether the label stands in the prompt with its colon or in its brackets, and not at its end."""
    label = seen.strip(" \n\t")
    told = unicodedata.normalize("NFKC", asked.everything).rstrip()
    place = told.find(label)
    return len(label) > 1 and 0 <= place < len(told) - len(label) - 1


def _role(seen: str, answer: str, asked: Asked) -> bool:
    if markup.is_named(answer, asked.everything):
        return True
    lines = [line for line in answer.split("\n") if line.strip()]
    if (
        (asked.wants("data") or asked.wants("code"))
        and len(lines) > 1
        and all(CONFIG_LINE.match(line) for line in lines)
    ):
        return True
    if not seen.rstrip().endswith((":", "：")) and "\n" not in seen.strip():
        return False
    lines = [line for line in lines if SPEAKER_LINE.match(line)]
    if len(lines) < 2 or any(_is_on_top(SPEAKER_LINE.sub("", line, count=1).strip()) for line in lines):
        return False
    name = seen.strip(" *_#「」『』【】:：\n").split("\n")[0].rstrip(":：* ")
    told = asked.everything.lower().replace("：", ":").replace(" :", ":")
    return asked.wants("dialogue") or f"{name.lower()}:" in told


def _bracket(seen: str, answer: str, asked: Asked) -> bool:
    found = {one[0] for one in markup.BRACKET_TAG.finditer(markup.unquoted(answer))}
    return len(found) <= MOST_BRACKETS and all(_is_asked_bracket(one, answer, asked) for one in found)


def _is_asked_bracket(seen: str, answer: str, asked: Asked) -> bool:
    behind = answer.partition(seen)[2]
    if seen in asked.everything or "bbcode" in asked.request.lower():
        return True
    if seen[0] in "{$%":
        return PLACEHOLDER.search(asked.request) is not None or asked.wants("code")
    name = seen.lower().strip("[]［］/")
    place = answer.find(seen)
    if place > 0 and answer[place - 1].isalnum() and answer.count("[") >= LEAST_LABELS and seen[1] != "/":
        return asked_code.is_beside_prose(answer, asked)  # a node of a diagram, a place of an array
    if name in ENDS or name.startswith("end of") or seen[1] == "/":
        return False
    if asked.wants("code") and ("-" in seen or (behind and behind[0] in QUANTIFIERS)):
        return program.ODD.search(answer) is not None  # a class of characters
    if behind.startswith("\n"):  # a section of a configuration, of a song or of a play
        first = behind.strip("\n").partition("\n")[0]
        is_set = DATA_LINE.match(first) is not None and (asked.wants("code") or asked.wants("data"))
        is_sung = (asked.wants("dialogue") or asked.wants("chant")) and name not in markup.NAMED_TAGS
        return is_set or is_sung or len(set(SECTION.findall(answer))) > 1
    return LOG.search(asked.request) is not None and name not in markup.NAMED_TAGS


def _markup(seen: str, answer: str, asked: Asked) -> bool:
    if asked.wants("markup") or markup.has_all_tags(answer, asked.everything):
        return True
    if asked.wants("plain"):
        return False
    spoken = markup.unquoted(answer).strip()
    if _is_page(spoken) or _is_told_of(spoken, asked):
        return True
    inner = AROUND.sub("", spoken)
    is_within = ELEMENT.search(inner) is not None and program.lines_of(spoken).has_code
    if asked.wants("code") or asked.has_code:
        tags = sum(map(len, ELEMENT.findall(spoken)))
        is_element = "=" in spoken and 2 * (len(spoken) - tags) <= tags
        return is_within or is_element or _is_page(spoken, LEAST_TAGS - 1)
    return is_within and program.lines_of(ELEMENT.sub(" ", spoken)).code >= LEAST_LABELS


def _is_told_of(spoken: str, asked: Asked) -> bool:
    """Whether every tag stands as a noun in sentences about pages or code."""
    if not (asked.wants("code") or asked.wants("markup") or TAG_WORDS.search(spoken) or TOKEN_WORDS.search(spoken)):
        return False
    return bool(spoken) and markup.MARKUP_TAG.search(MENTION.sub(" ", spoken)) is None


def _is_page(answer: str, least: int = LEAST_TAGS) -> bool:
    """Whether the answer is more tags than text, and more than a sentence in one pair of them."""
    tags = ELEMENT.findall(answer)
    told = "".join(ELEMENT.sub("", FILLED.sub("", answer)).split())
    names = {markup.tag_name(tag).lower() for tag in tags} - FRAMES
    if len(told) > sum(map(len, tags)) or not tags:
        return False
    return not told or len(names) >= least or any(len(ATTRIBUTE.findall(tag)) > 1 for tag in tags)


def _token(seen: str, answer: str, asked: Asked) -> bool:
    """Only tokens of other models: in code marks, in the strings of code that was asked for, named by the prompt, as
    HTML that strikes words out, or as a noun of sentences about tokens."""
    if markup.control_token(OTHERS.sub("", answer)) is not None:
        return False
    rest = STRUCK_WITHIN.sub(" ", markup.unquoted(answer))
    if asked.wants("markup"):
        rest = STRUCK.sub(" ", rest)
    if TOKEN_WORDS.search(rest) and not OTHERS.match(rest.lstrip()) and not rest.rstrip().endswith(">"):
        rest = TOLD_TOKEN.sub(" ", MENTION.sub(" ", rest))
    if (asked.wants("code") or asked.has_code) and program.lines_of(answer).is_code:
        rest = STRUCK.sub("", program.without_strings(rest))
    left = (pattern.search(rest) for pattern in (OTHERS, markup.FOREIGN_TOKEN, markup.WORD_PIECES))
    return seen in asked.everything or not any(left)


def _think(seen: str, answer: str, asked: Asked) -> bool:
    """Never the tag that is a token of Qwen's own."""
    if re.search(r"</?think>|\A\s*/?think>", answer, re.IGNORECASE):
        return False
    return markup.THINK_TAG.search(markup.unquoted(answer)) is None or seen.lower() in asked.everything.lower()


def _characters(seen: str, answer: str, asked: Asked) -> bool:
    if asked_code.is_printed(asked):
        return True
    if asked.wants("drawing") or asked_code.is_beside_prose(answer, asked) or RUN.search(asked.everything):
        return True
    if asked.wants("chant") and seen[0].isalpha():
        return True
    if seen[0] in "_＿" and cues.BLANKS.search(asked.request):
        return True
    if seen[0] in ".…・" and len(LEADERS.findall(answer)) > 1:
        return True
    return seen == "......" and not HAN_ONLY.search(answer)


def _phrases(seen: str, answer: str, asked: Asked) -> bool:
    if (
        asked_code.is_printed(asked)
        or asked.wants("drawing")
        or asked.wants("chant")
        or asked_code.is_beside_prose(answer, asked)
    ):
        return True
    piece, told, said = (" ".join(text.split()) for text in (seen, asked.everything, answer))
    if 5 * told.count(piece) >= 4 * said.count(piece):
        return True
    entries = [line for line in answer.split("\n") if line.strip()]
    if len(entries) > 2 and all(len(line) <= LONGEST_ENTRY for line in entries):
        return len(entries) <= len([line for line in asked.prompt.split("\n") if line.strip()])
    return asked.wants("data") and ('"' in seen or "\n" in seen) and _is_data(answer, asked)


def _is_data(answer: str, asked: Asked) -> bool:
    """Whether the whole answer is data: JSON, or lines of keys with their values where no JSON was asked for."""
    if "json" not in asked.request.lower() and answer[:1] not in "{[":
        lines = [line for line in answer.split("\n") if line.strip()]
        return len(lines) > 1 and all(DATA_LINE.match(line) for line in lines)
    try:
        json.loads(answer)
    except ValueError:
        return False
    return True


def _refusal(seen: str, answer: str, asked: Asked) -> bool:
    return declines.is_answer(answer, asked)


def _copied(seen: str, answer: str, asked: Asked) -> bool:
    return echoes.is_right(answer, asked)


def _cut_off(seen: str, answer: str, asked: Asked) -> bool:
    if len(answer) <= 3:
        return not answer[0].isalnum()
    if cues.OPENS.search(asked.request):
        return "\n" not in answer or asked.wants("code")
    if not (asked.wants("code") or asked.has_code) or "```" in answer:
        return False
    bare = program.without_strings(answer)
    is_open = any(bare.count(one) > bare.count(other) for one, other in ("()", "[]", "{}"))
    return not is_open and answer[-1] not in ",、，" and program.lines_of(answer).has_code


WAYS: dict[str, Way] = {
    "template-header": _header,
    "hashtags": _hashtags,
    "label": _label,
    "role-label": _role,
    "bracket-tag": _bracket,
    "markup-tag": _markup,
    "control-token": _token,
    "think-tag": _think,
    "repeated-character": _characters,
    "repeated-phrase": _phrases,
    "refusal": _refusal,
    "copied-prompt": _copied,
    "cut-off": _cut_off,
}
"""By reason; what is in none of them no prompt explains."""

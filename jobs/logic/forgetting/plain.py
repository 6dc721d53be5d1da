"""An answer without what does not matter: width of signs, markup, thoughts, quotes, a polite frame."""

from __future__ import annotations

import re
import unicodedata

from jobs.logic.row import THINK_CLOSE, THINK_OPEN

MARKUP = re.compile(r"\*\*|__|`|^#{1,6} +", re.MULTILINE)
FENCE = re.compile(r"^```[\w-]*\n(.*?)\n?```$", re.DOTALL | re.MULTILINE)
EDGES = " \t\r\n\"'“”‘’「」『』()（）[]【】<>〈〉《》。.．!！?？、,，:：;；*_~〜・|"
"""What may stand at either end of an answer without being part of it."""
REASONS = re.compile(
    r"(?:,\s?(?:as|for|(?:the \w+ )?(?:after|before))|(?:[,;]\s?|\s)?\b(?:because|since|given that))\b[^\n]*"
    r"|\([^()\n]*\)|(?<=[。.\n])[^。.\n]*(?:から|ため)(?:です|だ)(?=[。.\s]|\Z)",
    re.IGNORECASE,
)
DENIED = re.compile(
    r"\b(?:and |but )?(?:not|rather than|instead of|unlike)\b(?: (?!but\b)[^\s,;.]+){1,4}"
    r"|[^、。,.\s]{1,12}(?:では|じゃ|で)なく(?:て)?",
    re.IGNORECASE,
)
SPELLED = re.compile(r"(?<!\w)\w(?:[\s\-.,、・*_|/]{1,3}\w(?!\w))+")
SEPARATORS = re.compile(r"[\s\-.,、・*_|/]+")
SHORT = 400
"""Signs of an answer that can be a frame and little else."""
SPACES = re.compile(r"\s+")
STOPPED = re.compile(r"。\s+")
COLON_FRAME = re.compile(r"[^:\n]{1,70}:\s*")
"""`Here is the list:`"""
FRAMES = (
    re.compile(r"(?:sure|certainly|of course|okay|ok|absolutely|great|got it|understood)\b[,.! ]+"),
    re.compile(
        r"(?:so |therefore,? |thus,? )?(?:the|my|your|its|this|that)\b(?: [\w\x22'“”‘-]+){0,7}?"
        r" (?:is|are|was|were|would be|becomes)(?: (?:exactly|simply|just|as follows))?(?:: ?| )"
    ),
    re.compile(r"(?:it|this|that|he|she|they)(?:'s| is|'re| are| was| would be) (?:in |at |on |called |named )?"),
    re.compile(r"(?:here (?:is|are)|here's)(?: [\w\x22'“”‘-]+){0,7}: ?"),
    re.compile(
        r"(?:はい|承知(?:いた)?しました|わかりました|分かりました|了解(?:です|しました)?|もちろんです|かしこまりました)[、。,.!\s]+"
    ),
    re.compile(r"[^。、\n]{1,20}は[、,:\s]*"),
    re.compile(r"[^。、\n「]{1,24}[はと、]\s*(?=「)"),
    re.compile(r"(?:an?|the) "),
)
"""What may stand in front of an answer."""
RESTATED = re.compile(
    r"(\S+) (?:is|are|was|were) (?:(?:the|in) |(?:not )?an? )[^,;.]{1,60}\W*"
    r"|([^はが\s]{1,20})(?:が[^。が]{1,20}です|は[^。は]{1,20}では(?:ありません|ないです|ない))[。.]?"
)
"""`Cold is the opposite of hot`: the answer, and then the question again."""
TAILS = re.compile(
    r"(?:の順(?:番)?)?(?:です|でした|だ|である|となります|になります|でございます|ですね|ですよ|と(?:言|い)います|と答えます)?[。.!\s」』\"']*$"
)


def answer_of(text: str) -> str:
    """Without thoughts: what stands behind their end, and nothing where they have none."""
    _, closed, behind = text.rpartition(THINK_CLOSE)
    if closed:
        return behind.strip()
    return "" if text.lstrip().startswith(THINK_OPEN) else text.strip()


def opens_thoughts(end: str) -> bool:
    """Whether a prompt, of which this is the end, leaves the answer inside thoughts that it opened."""
    return end.rfind(THINK_OPEN) > end.rfind(THINK_CLOSE)


def within_thoughts(text: str) -> str:
    """An answer that goes on in thoughts that the prompt opened, with their opening."""
    return f"{THINK_OPEN}\n{text}"


def plain(text: str) -> str:
    """An answer in NFKC, without thoughts, fences and marks of emphasis; lines stay."""
    said = unicodedata.normalize("NFKC", answer_of(text)).replace("\r\n", "\n").replace("’", "'")
    return MARKUP.sub("", FENCE.sub(r"\1", said)).strip()


def bare(text: str) -> str:
    """In small letters, on one line, without quotes and marks at its ends."""
    return SPACES.sub(" ", STOPPED.sub("。", text.casefold())).strip(EDGES)


def unframed(text: str) -> set[str]:
    """What a short answer may be taken for, each `bare`: the whole of it, and it without its polite frame."""
    whole, body = (SPACES.sub(" ", one.casefold()).strip() for one in (plain(text), announced(text)))
    found, waiting = set[str](), [whole, body]
    if len(whole) > SHORT:
        return {bare(whole)}
    while waiting:
        one = waiting.pop().strip()
        if bare(one) in found:
            continue
        found.add(bare(one))
        for frame in (*FRAMES, COLON_FRAME):
            match = frame.match(one)
            if match and match.end() < len(one):
                waiting.append(one[match.end() :])
        restated = RESTATED.fullmatch(one)
        if restated:
            waiting.append(restated[1] or restated[2])
        shorter = TAILS.sub("", one)
        if shorter and shorter != one:
            waiting.append(shorter)
    return found - {""}


def announces(line: str) -> bool:
    """Whether a line only announces what comes below it."""
    return (
        line.endswith(":")
        or re.match(r"(?:sure|certainly|of course|here (?:are|is))\b", line.casefold()) is not None
        or re.search(
            r"(?:以下|次)[^。]{0,20}(?:です|ます|通り|とおり)[。]?$|(?:はい|承知)[^。\n]{0,20}ます[。]?$", line
        )
        is not None
    )


def lines(text: str, *, ruled: bool = False) -> list[str]:
    """Lines that hold something, without one that only announces the others; `ruled`: also those that only part."""
    found = [line.strip() for line in plain(text).split("\n") if line.strip(" \t" if ruled else " \t|-=*_")]
    return found[1:] if len(found) > 1 and announces(found[0]) else found


def announced(text: str) -> str:
    """What stands below a line that announces it; the whole where none does."""
    return "\n".join(lines(text))


def claimed(text: str) -> str:
    """A plain answer without its reasons: `because ...`, what is in parentheses, a sentence in からです."""
    return REASONS.sub("", plain(text))


def spelled_out(text: str) -> str:
    """Words that are spelled letter by letter, `t-u-l-i-p`, joined."""
    return "\n".join(SEPARATORS.sub("", match[0]) for match in SPELLED.finditer(text))


def affirmed(text: str) -> str:
    """A plain answer without what it says that something is not: `not copper`, 銅ではなく."""
    return DENIED.sub("", plain(text))


BULLET = re.compile(r"(?:[-*•・●○+–]\s*|\(?\d{1,2}[.):、]\s*|\d{1,2}\s+|[①-⑳]\s*)")


def items(text: str) -> list[str]:
    """Elements of a list: lines without their bullets, or what commas part on a single line; each `bare`."""
    found = lines(text)
    if len(found) == 1:
        line = found[0]
        for frame in (*FRAMES, COLON_FRAME):
            match = frame.match(line.casefold())
            line = line[match.end() :] if match and match.end() < len(line) else line
        found = re.split(r"\s*(?:,\s*and\s+|[,、;→>/|]|・|\s-\s|\band\b|と(?=[^、,]{1,12}$))\s*", TAILS.sub("", line))
        found = found if len(found) > 1 else line.split()
    return [item for item in (bare(BULLET.sub("", line, count=1)) for line in found) if item]

"""Answers that are none: refusals, the prompt said again, and answers that break off.

Only what is certain from the row alone. An article on refusals, a title that is a piece of its text and a sentence
without a full stop are left to whoever knows the rest of the set.
"""

from __future__ import annotations

import re

LONGEST_REFUSAL = 800
"""Characters; what is longer says something after its apology. Half as many where they are Japanese."""
LONGEST_SENTENCE = 300

_SORRY = (
    r"\W{0,3}(?:(?:i'?m|i am|we'?re|we are) (?:\w+ )?(?:sorry|afraid)|sorry|(?:my |our )?apologies|i apologi[sz]e"
    "|unfortunately)"
)
_MAY_BE_SORRY = rf"(?:{_SORRY}(?:[,.!;:]| -+| –| —)? ?(?:but |that |however,? )?|\W{{0,3}})"
_CANNOT = (
    r"(?:can ?not|can'?t|couldn'?t|won'?t|will not|won'?t be able to|do(?: not|n'?t) have the (?:ability|capability) to"
    r"|must (?:\w+ly )?decline to|(?:am|'?m|are|'?re) (?:unable to|not (?:able|allowed|permitted|programmed) to))"
)
_SERVE = (
    "(?:assist|comply|help you|help with|(?:access|answer|browse|complete|create|discuss|do|engage in|facilitate"
    "|fulfil+|generate|give|offer|open|participate in|process|produce|promote|provide|recommend|respond to|share"
    r"|summari[sz]e|support|translate|write)(?: \w+){0,4}? (?:this|that|these|those|such|you|your|any|it|advice"
    r"|assistance|content|images?|information|instructions|internet|links?|prompt|question|requests?|websites?))\b"
)
_MACHINE = (
    "(?:(?:large )?language model|llm|chatbot"
    "|(?:ai|artificial intelligence)(?: language model| model| assistant| chatbot| system| program)?)"
)
_SAYS_NO = (
    r"(?=[,.;]| (?:and|so|which|that|developed|created|trained|designed|without|i)\b)[^\n]{0,160}?"
    r"\b(?:can ?not|can'?t|unable|not able|do(?: not|n'?t)|am not|'m not|lack|no (?:access|ability|personal))\b"
)
_SEND = r"(?:please|could you(?: please)?) (?:include|paste|provide|send|share)"
REFUSED = re.compile(
    "|".join(
        (
            rf"{_MAY_BE_SORRY}(?:i|we) ?{_CANNOT} (?:\w+ly |also |just )?{_SERVE}",
            rf"{_MAY_BE_SORRY}(?:as|being|i am|i'm|since i'?a?m) (?:just |only |merely )?an? {_MACHINE}{_SAYS_NO}",
            rf"{_MAY_BE_SORRY}as an ai language model\b",
            rf"{_MAY_BE_SORRY}i(?: do not|'?m not| am not| don'?t) (?:feel )?comfortable (?:with|\w+ing)\b",
            rf"{_MAY_BE_SORRY}i(?: do not| don'?t) (?:currently )?have (?:direct |real-time |any )?"
            "(?:access to|real-time|up-to-date|personal (?:opinions|feelings|experiences))",
            rf"{_MAY_BE_SORRY}(?:it(?:'s| is| would be)|that(?:'s| is)|this is) (?:not |in|un)[^.\n]{{0,40}}"
            r"\b(?:for me to|i can (?:help|assist|do))\b",
            rf"{_MAY_BE_SORRY}i(?:'?m going to)? (?:must|have to) (?:\w+ly )?decline",
            rf"{_MAY_BE_SORRY}(?:this|that|your) (?:request|question|prompt)\b[^.\n]{{0,20}}"
            r"\b(?:against my|violates|not clear|unclear|incomplete)",
            rf"{_MAY_BE_SORRY}my knowledge (?:cut-?off|only goes)",
            rf"{_SORRY},? (?:but )?i (?:do not|don'?t|did not|didn'?t) (?:quite |fully )?(?:understand|know)\b",
            r"\W{0,3}(?:it (?:seems|looks|appears)(?: like| that)? (?:you|there)|you (?=have|did|forgot)|there is"
            r"|i (?:do not|don'?t) see)"
            rf"[^.\n]{{0,40}}\b(?:no|not|n't|any|forgot\w*)\b[^\n]{{0,80}}?\b{_SEND}\b",
        )
    ),
    re.IGNORECASE,
)
_SORRY_JA = (
    "(?:(?:大変|誠に|まことに)?申し[訳わ]け?(?:あり|ござい)ません|す[みい]ません|ごめんなさい|恐れ入ります|恐縮です)"
    r"(?:が|けれども?|けど)?[、。,!！\s]*+"
)
_CANNOT_DO_JA = "(?:(?:でき|出来)(?:ません|かねます)|(?:いた|致)?しかねます|控えさせて)"
_CANNOT_JA = (
    f"(?:{_CANNOT_DO_JA}|(?:でき|出来)ない|られません|お断り|いたしません"
    "|持って(?:い|おり)ません|持ち合わせて(?:い|おり)ません|(?:権限|能力|機能)が(?:あり|ござい)ません)"
)
_SERVE_JA = (
    "(?:答え|回答|返答|判断|応え|応じ|対応|手伝|支援|協力|提供|生成|作成|執筆|翻訳|要約|アクセス|検索"
    "|閲覧|教え|アドバイス|助言|リクエスト|要望|ご質問|ご依頼|サポート|コメント|意見)"
)
_BUSINESS = "出席|参加|訪問|返品|返金|交換|キャンセル|変更|予約|購入|注文|発送|納品|お会い|利用|入場"
_MACHINE_JA = (
    r"(?:私|わたし|当方)?は?、?(?:[^。\n、]{0,12}(?:言語モデル|人工知能|チャットボット)"
    r"|(?:\w{0,12}の)?AI(?:アシスタント|言語モデル|モデル|チャットボット)?)"
    "(?:である私|としては?|なので|ですので|であるため|のため|です(?:から|ので|が)?)"
)
_SEND_JA = r"[^\n]{0,40}(?:ください|いただけますか|お願い)"
REFUSED_JA = re.compile(
    "|".join(
        (
            rf"{_SORRY_JA}[^。\n]{{0,80}}?{_SERVE_JA}[^。\n]{{0,30}}?{_CANNOT_JA}",
            rf"{_SORRY_JA}(?:(?!{_BUSINESS})[^。\n]){{0,60}}?ことは?{_CANNOT_DO_JA}",
            rf"(?:{_SORRY_JA})?{_MACHINE_JA}[、,]?[^\n]{{0,100}}?(?:{_CANNOT_JA}|ありません)",
            rf"(?:{_SORRY_JA})?[^。\n]{{0,12}}(?:文章|本文|記事|テキスト|ファイル|画像)[^。\n]{{0,8}}"
            rf"(?:提供|添付|入力|貼り付け|見当たり|含ま|送)[^。\n]{{0,12}}(?:ません|ない){_SEND_JA}",
            r"[^。\n]{0,40}?(?:質問|要望|依頼|リクエスト|要求)(?:に(?:は|対しては?)?|を|は|の意図が)[^。\n]{0,40}?"
            rf"(?:答え|回答|応え|応じ|対応|手伝|受け|サポート|協力|理解)[^。\n]{{0,10}}?{_CANNOT_JA}",
            r"[^\n]{0,60}?(?:お手伝い|お答え|ご回答|お応え|ご協力)(?:する)?(?:こと)?[はがもを]?" + _CANNOT_DO_JA,
            rf"お手伝いしたいのですが[^\n]{{0,60}}{_CANNOT_DO_JA}",
        )
    )
)

SHORTEST_COPY = 20
"""Columns, two to a Japanese character; shorter ones are greetings that are given back."""
UNFINISHED = "\"'`:;=,([{<>、：「"
"""Code and sentences that are to be gone on with end in one of these."""
OPENING, CLOSING = "([{", ")]}"
PAIRS = (("「", "」"), ("『", "』"), ("（", "）"), ("【", "】"), ("〈", "〉"), ("《", "》"))
SMILEY = re.compile(r"[:;=8xX]['-]?[(\[{]")
FENCE = re.compile(r"^[^\S\n]*+```", re.MULTILINE)
JSON_OPENINGS = frozenset("{[")
JSON_OPENING = re.compile(r'\{\s*"[^"\n]*"\s*:|\[\s*(?:\{\s*)?"')
JSON_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*+("?)')
"""Its group is empty where the string is not closed: the rest of the line need not be looked at again."""
COMMAS_AND_OPENINGS = frozenset("、,，「『（【〈《([{")
ANNOUNCES = re.compile(r"(?:(?:following|below|follows|steps)\b[^\n]{0,40}:|(?:以下|次)の?[^\n]{0,20}[:：])\Z")
GOES_ON = (" the", " an", " and", " because", " your", " their", " whose")
LONG_ENOUGH = 40
"""Characters of an answer that may break off inside a word; `un-` is an answer of its own."""


def refusal(answer: str) -> str | None:
    """The beginning of an answer that refuses to be one."""
    head = answer[:LONGEST_SENTENCE]
    if head.isascii():
        found = REFUSED.match(head)
    elif "ません" in head or "ねます" in head or "ない" in head or "断り" in head or "させて" in head:
        found = REFUSED_JA.match(head)  # each has one of these
    else:
        found = REFUSED.match(head.replace("’", "'")) if head[:1].isascii() else None
    return found[0] if found and len(answer) <= LONGEST_REFUSAL // (1 if head.isascii() else 2) else None


def is_copied(answer: str, prompt: str) -> bool:
    """Whether the answer is the prompt again, or nearly all of it word for word; going on from it is something else."""
    length = len(prompt)
    if len(answer) * 5 < length * 3 or _columns(prompt) < SHORTEST_COPY:
        return False
    for asked in (prompt, *_without_instruction(prompt)):
        if answer.startswith(asked):
            return not _goes_on(asked, answer[len(asked) :])
        if asked in answer and len(answer) <= 2 * len(asked):
            return True
    most = prompt[length // 10 : length - length // 10]
    return most in answer and len(answer) <= 2 * len(most)


def _without_instruction(prompt: str) -> list[str]:
    """What is said below the first line, and above the last one, where that is most of the prompt and long."""
    _, _, below = prompt.partition("\n")
    above, _, _ = prompt.rpartition("\n")
    parts = (below.strip(), above.strip())
    return [part for part in parts if len(part) * 5 >= len(prompt) * 3 and _columns(part) >= 2 * SHORTEST_COPY]


def _columns(text: str) -> int:
    return len(text) * (1 if text.isascii() else 2)


def _goes_on(asked: str, rest: str) -> bool:
    """Whether `rest` completes what was asked: code, or a sentence without an end."""
    return rest != "" and (asked[-1] in UNFINISHED or (asked[-1].isalnum() and rest[0] != "\n"))


def cut_off(answer: str) -> str | None:
    """How an answer breaks off, where that is certain from the answer alone."""
    if "```" in answer and len(FENCE.findall(answer)) % 2:
        return "a code block that is not closed"
    last = answer[-1:]
    if answer[:1] in JSON_OPENINGS and JSON_OPENING.match(answer) and _open_json(answer):
        return f"JSON that is not closed: {answer[-16:]}"
    if last.isalnum():
        breaks_off = (answer.endswith(GOES_ON) and len(answer) >= LONG_ENOUGH) or _open_bracket(answer)
    elif last in COMMAS_AND_OPENINGS:
        breaks_off = last not in OPENING or not SMILEY.search(answer, len(answer) - 3)
    elif last == "-":
        breaks_off = len(answer) >= LONG_ENOUGH and answer[-3:-1].isalpha()
    else:
        breaks_off = last in ":：" and ANNOUNCES.search(answer, max(0, len(answer) - 80)) is not None
    return answer[-40:] if breaks_off else None


def _open_json(answer: str) -> bool:
    """Whether a string or a bracket of JSON is open at the end."""
    if not all(string[1] for string in JSON_STRING.finditer(answer)):
        return True
    rest = JSON_STRING.sub("", answer)
    return sum(map(rest.count, "{[")) > sum(map(rest.count, "}]"))


def _open_bracket(answer: str) -> bool:
    """Whether more brackets are opened than closed, and the last is open at the end."""
    for opening, closing in PAIRS:
        if opening in answer and answer.count(opening) > answer.count(closing):
            return answer.rfind(opening) > answer.rfind(closing)
    if not any(bracket in answer for bracket in OPENING):
        return False
    depth = sum(map(answer.count, OPENING)) - sum(map(answer.count, CLOSING)) - len(SMILEY.findall(answer))
    last = max(map(answer.rfind, OPENING))
    return depth > 0 and last > max(map(answer.rfind, CLOSING)) and not answer[last + 1].isspace()

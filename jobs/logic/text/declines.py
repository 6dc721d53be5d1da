"""Declines that are right answers: what a given text does not say, and what a desk does not do.

A refusal to be an answer says no and nothing else. A decline answers: out of the text that was given it tells that the
text does not say; at a desk it tells the rule, and mostly another way.
"""

from __future__ import annotations

import re

from jobs.logic.text import cues
from jobs.logic.text.wanted import Asked

MACHINE = re.compile(
    r"\b(?:an? ai|ai (?:assistant|model)|artificial intelligence|language model|llm|chatbot|openai|knowledge cut-?off"
    r"|as an ai)\b"
    "|言語モデル|人工知能|AIアシスタント|AIなので|AIのため|AIとして|私の知識は|语言模型|人工智能",
    re.IGNORECASE,
)
"""Whoever speaks so is the assistant and not the desk."""
MISSING = re.compile(
    r"\b(?:paste|(?:provide|share|send|include) (?:the|me|us|more|it)|provide more|more context|not provided the|forgot"
    r"|attach\w*|unclear|not clear|understand your)\b"
    "|提供されてい|添付|貼り付け|見当たり|もう一度送|もう少し詳し|意図が|理解でき|入力してください|粘贴|没有提供",
    re.IGNORECASE,
)
"""Says that what was asked about did not come along."""
_TEXT = (
    "text|passage|context|documents?|article|excerpt|paragraph|material|sources?|notes?|policy|manual|handbook|faq"
    "|knowledge base|transcript|report|page|information (?:provided|given)|provided|given|data|records?|reviews?"
)
_TEXT_JA = (
    "資料|文脈|本文|文章|記事|テキスト|文書|コンテキスト|抜粋|マニュアル|規約|規程|ナレッジ|原文|検索結果|段落|情報"
    "|記載|データ|議事録|説明書|メモ"
)
NOT_IN_TEXT = re.compile(
    rf"\b(?:in|from|on|with|by|within|based on) (?:the |this |that |these |your |our "
    rf"|what )?(?:\w+ ){{0,2}}(?:{_TEXT})\b"
    rf"|\b(?:{_TEXT}) (?:says?|tells?|gives?|mentions?|has|have|contains?) (?:nothing|no)\b"
    rf"|\b(?:{_TEXT}) (?:\w+ ){{0,2}}(?:not|n't|no|doesn't|don't|isn't|lacks?|only)\b|\b(?:not|n't) (?:\w+ ){{0,2}}"
    r"(?:mention\w*|stated?|say|specif\w*|includ\w*|contain\w*|cover\w*|given|answerable)\b"
    rf"|(?:{_TEXT_JA})[^。\n]{{0,24}}(?:含ま|記載|記述|書か|載っ|載せ|触れ|言及|述べ|示さ|説明さ|わか|分か|読み取"
    rf"|明記|見つか|判断)"
    r"[^。\n]{0,12}(?:ない|なく|ません|ず|無)|記載(?:が|は)(?:ない|なく|ありません|ございません)"
    "|(?:文本|文章|资料|上下文|材料)[^。\n]{0,20}(?:没有|未|不)",
    re.IGNORECASE,
)
"""Says that it is not in the text that was given."""
VAGUE = re.compile(
    r"\b(?:that|this|your|the|these|those|such|any)(?: kind of| sort of| type of)? (?:request|question|prompt|task"
    r"|topic|query)s?\b"
    r"|\b(?:with|do|discuss|answer|comply with|fulfil+|respond to) (?:that|this|it|you|these|those)\b"
    r"|\baccess to\b|アクセスする権限|guidelines|against my|(?:usage|content) policy|comfortable|inappropriate"
    r"|harmful|illegal|unethical|decline to"
    "|(?:ご?要望|ご?質問|ご?依頼|リクエスト|要求|この件|その件|それ|そのような内容|その内容"
    "|こちらの内容)(?:について)?(?:は|に|を)"
    "|不適切|利用規約に違反|倫理|違法|お手伝い(?:する)?(?:こと)?[はがも]?でき",
    re.IGNORECASE,
)
"""Declines without saying what, or because an assistant must not."""
EMPTY_OFFER = re.compile(
    r"\b(?:feel free|anything else|something else|other (?:questions?|topics?)|else i can|happy to|glad to"
    r"|let me know|how (?:else )?can i help"
    r"|(?:consult|speak (?:to|with)|talk to|seek|see) an? (?:\w+ )?(?:professional|doctor|lawyer|expert|therapist"
    r"|physician|attorney|advisor))\b"
    "|専門家に|医師に|弁護士に|ほかに|他に|何か(?:お|ご|別)|別の(?:質問|話題|こと)|お気軽に|ご理解|ご了承|その他",
    re.IGNORECASE,
)
"""An offer that would fit every answer."""
INSTEAD = re.compile(
    r"(?:なら|でしたら|代わりに|かわりに)[^。\n]{2,60}(?:ます|ください|ましょう|ませんか)"
    r"|\b(?:instead|but i(?:'m happy to| can| could|'d be glad to)|what i can do)\b[^.\n]{12,160}",
    re.IGNORECASE,
)
"""Goes on with what is done in its place."""
SAYS_NO = re.compile(
    r"\b(?:can ?not|can't|unable|won't|not able)\b|(?:でき|出来)(?:ません|かねます|ない)|しかねます|控え", re.IGNORECASE
)
KNOWS_NOT = re.compile(
    r"\b(?:access to|information (?:about|on)|real-time|opinions?|discuss|answer)\b|お?答え|回答|判断|教え|権限"
    r"|アクセス|知識",
    re.IGNORECASE,
)
"""Declines to know or to say, which no desk's rule is about."""
CONTACT = re.compile(
    r"\d{3}|https?:|www\.|@|\[(?:PHONE|EMAIL)\]|\b(?:call|visit|e-?mail|write to) (?:us|our)\b"
    "|お電話|(?:窓口|案内所|受付|係)[にへで]|お越し",
    re.IGNORECASE,
)
"""A number to call, an address to write to, a desk to go to."""
SENTENCE = re.compile(r"[^。！？.!?\n]+(?:[。！？!?\n]+|\.(?=\s|\Z)|\Z)|[^。！？.!?\n]+\.")
LEAST_WORDS = {True: 12, False: 6}
"""Characters of a sentence that tells something, by whether it is ASCII."""


def is_answer(answer: str, asked: Asked) -> bool:
    """Whether an answer that begins like a refusal is the right answer to what was asked."""
    said = answer.replace("’", "'")
    if MACHINE.search(said) or MISSING.search(said):
        return False
    is_given = asked.wants("given") and asked.wants("asks") and not asked.wants("plain")
    if is_given and (not VAGUE.search(said) or NOT_IN_TEXT.search(said)):
        return True
    if asked.wants("declines") and not VAGUE.search(said):
        return True
    if NOT_IN_TEXT.search(said) and asked.parts[1]:
        return True
    return _is_of_a_desk(said, asked) or _has_another_way(said)


def _has_another_way(said: str) -> bool:
    """Whether a decline says what is done instead, and that is no offer that would fit every answer."""
    return any(not (EMPTY_OFFER.search(found[0]) or VAGUE.search(found[0])) for found in INSTEAD.finditer(said))


def _is_of_a_desk(said: str, asked: Asked) -> bool:
    """Whether a decline tells a rule or another way."""
    first, *rest = [found[0].strip() for found in SENTENCE.finditer(said)]
    further = [one for one in rest if len(one) >= LEAST_WORDS[one.isascii()]]
    further = [one for one in further if not (EMPTY_OFFER.search(one) or SAYS_NO.search(one))]
    if VAGUE.search(first):
        at_desk = asked.wants("desk") and any(not VAGUE.search(one) for one in further)
        return at_desk or any(CONTACT.search(one) for one in further)
    if further:
        return True
    return asked.wants("desk") and not KNOWS_NOT.search(first) and _names_what_was_asked(first, asked.prompt)


def _names_what_was_asked(sentence: str, prompt: str) -> bool:
    """Whether the sentence takes up a word of a short question about what the desk does."""
    said = sentence.lower()
    return any(name in said for name in cues.KINDS["desk"].found(prompt))

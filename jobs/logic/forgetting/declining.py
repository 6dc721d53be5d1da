"""How an answer says that it does not know, cannot or will not."""

from __future__ import annotations

import re

ENGLISH = re.compile(
    r"\b(?:(?:can(?:no|')t|can not|could ?n[o']t|am not able to|'m not able to|unable to|not possible(?: for me)? to"
    r"|no way (?:for me )?to|do(?:es)?(?: no|n')t|did(?: no|n')t|have no|has no|there is no|there's no|is(?: no|n')t"
    r"|are(?: no|n')t|was(?: no|n')t|were(?: no|n')t|never|wo(?:n't|uld not)|wouldn't|will not|'m not|am not)"
    r"(?: \w+){0,5}? (?:know|tell|see|say|access|answer|determine|find|predict|help|share|reveal|give|provide|look"
    r"|check|hear|remember|have|information|mention\w*|stated?|specif\w*|given|provided|included?|clear|certain|enough|way"
    r"|ability|allowed|permitted|able|sure|possible|disclose|discuss|assist|view|open|browse|recall|identify|guess"
    r"|said|listed|contain\w*|available|idea|record\w*|real-time|memory|attached|attachment|image|picture|photo|file"
    r"|based on|answerable|visible|received?|read|choose|comply|do)"
    r"|not (?:\w+ )?(?:stated|mentioned|given|specified|provided|known|included|available|in the (?:text|passage|note)"
    r"|clear|enough information|sure|possible|answerable|listed|said|able)"
    r"|unknown|i'?m sorry|unfortunately|insufficient|not enough|no (?:information|mention|idea|access|record|image|file"
    r"|picture|photo|attachment|way|such)|cannot|impossible|unclear|decline)\b",
    re.IGNORECASE,
)
JAPANESE = re.compile(
    r"(?:わかり|分かり|判り|でき|出来|知り|存じ|読め|見え|見られ|見れ|お答えし|答えられ|教えられ|お教えし|書かれてい|書いてい|書いてあり"
    r"|記載されてい|記載があり|述べられてい|示されてい|含まれてい|触れられてい|言及されてい|言及があり|明記されてい|情報があり|情報はあり"
    r"|情報を持ってい|持ってい|持ち合わせてい|添付されてい|届いてい|判断し|お伝えし|確認でき|承れ|いたしかね|覚えてい|記憶してい|かね"
    r"|与えられてい|説明されてい|載ってい)(?:ません|ない|なかった|ておりません|ず)"
    r"|おりません|かねます|不明|不可能|(?:書かれて|記載されて|述べられて|示されて|含まれて|触れられて|言及されて|明記されて)(?:おらず|いない)"
    r"|(?:記載|情報|記述|言及|手がかり|方法|機能|手段|画像|写真|ファイル|添付)(?:は|が|も)(?:ない|なく|無|ありません|ございません)"
    r"|申し訳|すみません|ごめん|わからない|分からない|知らない|できない|答えられない|教えられない|お断り|控え"
)


def says_no(text: str) -> bool:
    """Whether a plain answer declines, in English or Japanese."""
    return ENGLISH.search(text.replace("’", "'")) is not None or JAPANESE.search(text) is not None

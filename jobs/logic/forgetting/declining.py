"""How an answer says that it does not know, cannot or will not, and how it guesses all the same."""

from __future__ import annotations

import re

FIRST_PERSON = re.compile(
    r"\b(?:i|we)(?:'m|'ve|'d|'ll)? (?:(?:am|was|have|had|do|did|can|could|would|will|must|may|should|are|still|just"
    r"|really|simply|unfortunately|currently|honestly|also) ){0,3}(?:not|no|never|lack|refuse|decline|unable|nothing)\b"
    r"|\b(?:i|we) (?:\w+ ){0,1}(?:do|did|ca|could|wo|would|have|had|must|was|should|are)n't\b",
    re.IGNORECASE,
)
"""Whoever answers says of itself that something is not so."""
NO_DECLINE = re.compile(
    r"\b(?:n't|not|cannot|never|no) (?:be happier|wait|think|help but|only|doubt|believe|say no|jok(?:e|ing)|lie)\b"
    r"|\bno (?:problem|worries|doubt|wonder)\b",
    re.IGNORECASE,
)
ENGLISH = re.compile(
    r"\b(?:(?:do(?:es)?(?: no|n')t|did(?: no|n')t|ha(?:ve|s)(?: no|n')t|have no|has no|there(?: i|')s(?: \w+)? no"
    r"|is(?: no|n')t|are(?: no|n')t|was(?: no|n')t|were(?: no|n')t|never|wo(?:n't|uld not)|wouldn't|will not)"
    r"(?: \w+){0,5}? (?:know|tell|told|say|access|answer|determine|predict|reveal|give|provide|allow|extend|reach"
    r"|upload|information|mention\w*|stated?|specif\w*|given|provided|included?|clear|certain|enough|way|technology|method|means"
    r"|ability|allowed|permitted|able|sure|possible|disclose|discuss|assist|recall|identify|detail\w*|answered|settle"
    r"|said|listed|contain\w*|available|idea|record\w*|real-time|memory|attached|attachment|image|picture|photo|file"
    r"|based on|answerable|visible|receive[ds]?|read|come|there|something|shared|keep|show\w*|foresee|load\w*)"
    r"|not (?:\w+ )?(?:stated|mentioned|given|specified|provided|known|included|available|in the (?:text|passage|note)"
    r"|clear|enough information|sure|possible|answerable|listed|said|able|something (?:that )?(?:i|any))"
    r"|(?:says?|tells? (?:us|me)|mentions?|gives?|contains?|reveals?) (?:us )?(?:nothing|no)"
    r"|nothing (?:in (?:the|this)|about|is (?:said|stated|mentioned))|leaves? (?:that|this|it|the \w+) open"
    r"|(?:nobody|no one|no-one|none of us)(?: \w+)? (?:knows?|can|could|tell|say|is able)"
    r"|only (?:you|she|he|they)(?: \w+){0,6}? know|must not|may not|not (?:allowed|permitted|supposed)|instructed not"
    r"|can(?: ?no|')t|could(?: no|n')t|unable to|unknown|unknowable|insufficient|not enough|no can do"
    r"|no (?:\w+ )?(?:information|mention|idea|access|record|image|file|picture|photo|attachment|way|such|knowledge"
    r"|method|means|memory|recollection|name|details?|data|sensors?|eyes|clue|connection|(?:is|was|are|were)"
    r" (?:given|stated|mentioned|attached))"
    r"|(?:image|photo|picture|attachment|file)s? (?:\w+ )?(?:(?:is|was|are|were) missing|failed)"
    r"|unpredictable|unforeseeable|impossible|unclear|undisclosed|confidential|classified|declin(?:e|ing)"
    r"|(?:out of|beyond|outside(?: of)?) (?:my (?:view|sight|reach|knowledge|abilit\w+|control|access|scope)|what i)"
    r"|(?:keep|kept|stay|remain)\w*(?: \w+){0,2} secret|secret (?:that )?i (?:have|need|must)|lips are sealed"
    r"|would (?:have|need) to (?:read|tell|show|see|describe)"
    r"|(?:please|could you|can you) (?:re-?)?(?:attach|upload|share|describe)"
    r"|against my (?:\w+ )?(?:instructions|rules)|off[- ]limits|secrecy|inaccessible|left out|no telling|rather not"
    r"|nothing (?:has|was|is) (?:\w+ )?(?:arrived|attached|uploaded|shared)|made up|in the dark)\b",
    re.IGNORECASE,
)
JAPANESE = re.compile(
    r"(?:わかり|分かり|判り|でき|出来|知り|存じ(?:上げ)?|読め|読み取れ|読み込め|見え|見られ|見れ|開け|書け|話せ|明かせ|お答えし|答えられ|教えられ"
    r"|お教えし|お教えして|応じられ|伝えられ|書かれてい|書いてい|書いてあり|わけには(?:いき|まいり)|わけにはいか"
    r"|記載されてい|記載があり|述べられてい|述べてい|示されてい|含まれてい|触れ(?:られ)?てい|言及(?:され|し)てい|言及があり|明記されてい"
    r"|明か(?:され|し)てい|明らかにされてい|情報があり|情報はあり|受け取ってい|見つかり|見当たり|聞いてい|教わってい|いただいてい"
    r"|情報を持ってい|持ってい|持ち合わせてい|添付されてい|届いてい|判断し|お伝えし|確認でき|承れ|いたしかね|覚えてい|記憶してい|かね"
    r"|与えられてい|説明されてい|載ってい|残ってい|保存(?:され|し)てい|思い出せ)"
    r"(?:ません|ない|なかった|なく|ておりません|ず)"
    r"|(?:伺|うかが|聞|教わ|いただ|存じ|持|覚え|受け取|教え|届|お知らせ|残)\w{0,3}(?:て|って)(?:おりません|おらず|いません|いない)"
    r"|かねます|かねる|不明|不可能|(?:書かれて|記載されて|述べられて|示されて|含まれて|触れ(?:られ)?て|言及されて|明記されて)(?:おらず|いない|おりません)"
    r"|(?:記載|情報|記述|言及|手がかり|方法|機能|手段|術|権限|記録|記憶|能力|画像|写真|ファイル|添付)(?:は|が|も)"
    r"(?:ない|なく|無|ありません|ございません)"
    r"|(?:記|示|表示|明示|公開|共有|提供|掲載|知らさ)\w{0,2}れて(?:い|おり)(?:ません|ない)|(?:知り|答え|調べ|確かめ)よう(?:が|も)(?:ない|なく|ありません)"
    r"|(?:言え|伝え|繰り返せ|再現でき|使え|示せ|しようが(?:あり)?|把握し(?:てい|ており)|引き継がれ)(?:ません|ない)"
    r"|(?:本文|文章|文中|情報)に(?:は|も)?[^。\n]{0,12}(?:ありません|出てきません|出てこない|ない)|勘弁"
    r"|秘密(?:です|なの|にし|を守|にする)|口外|内緒|わからない|分からない|知らない|答えられない|教えられない|お断り|控え"
)
APOLOGY = re.compile(
    r"\W{0,4}(?:(?:i'?m |i am )?(?:so |very )?sorry|unfortunately"
    r"|申し訳(?:ございません|ありません|ないです)|すみません|ごめんなさい)\W{0,4}",
    re.IGNORECASE,
)
"""A whole answer that is an apology; in front of something else it says nothing."""
CLAUSE = re.compile(
    r"[.!?;。!?\n]+(?=\s|$|\D)|,? (?=(?:but|though|although|however)\b)|(?<=[んいすただ])(?:が|けれど|けど)[、,]"
)
GUESS = re.compile(
    r"\b(?:probably|likely|perhaps|maybe|presumably|possibly|roughly|my (?:\w+ )?guess"
    r"|i(?:'d| would)? (?:guess|think|assume|bet)"
    r"|(?:it|they|there|she|he) (?:must|should) be)\b|\A(?:but|though|although|however),? (?:\w+ ){0,2}"
    r"(?:(?:it|they|the \w+(?: \w+ \w+)?) (?:is|are|was|will be|reads|says|shows)|you (?:told|said))\b"
    r"|たぶん|多分|おそらく|恐らく|きっと|だと思い|でしょう$|はずです$|くらいです|ぐらいです|だいたい|ふつうは|普通は",
    re.IGNORECASE,
)
ADVICE = re.compile(
    r"\b(?:you (?:can|could|may|might|would|need|forgot|didn't)|please|try|failed|if you)\b|ください|いただ|失敗",
    re.IGNORECASE,
)
"""What a guess may be about: what can be done, or what went wrong."""


def says_no(text: str) -> bool:
    """Whether a plain answer declines, in English or Japanese, and does not guess in the next breath."""
    said = text.replace("’", "'")
    clauses = [clause.strip() for clause in CLAUSE.split(said)]
    return (_denies(said) or APOLOGY.fullmatch(said) is not None) and not any(_guesses(one) for one in clauses)


def _denies(text: str) -> bool:
    said = NO_DECLINE.sub(" ", text)
    return any(pattern.search(said) is not None for pattern in (FIRST_PERSON, ENGLISH, JAPANESE))


def _guesses(clause: str) -> bool:
    return GUESS.search(clause) is not None and not _denies(clause) and ADVICE.search(clause) is None

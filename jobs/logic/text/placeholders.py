"""Places in an answer that nobody filled: `{{name}}`, `<NAME>`, `[Your Name]`, `${x}`."""

from __future__ import annotations

import re

from jobs.logic.text.markup import CODE

SIGNS = ("{{", "${", "<", "[", "［")
"""Every placeholder has one."""
_HTML = (
    "A|ABBR|B|BODY|BR|BUTTON|CENTER|CODE|DD|DIV|DL|DT|EM|FONT|FORM|FRAME|H[1-6]|HEAD|HR|HTML|I|IMG|INPUT|LABEL|LI|LINK|"
    "META|NOBR|OL|OPTION|P|PRE|S|SCRIPT|SELECT|SPAN|STRONG|STYLE|SUB|SUP|"
    "TABLE|TBODY|TD|TEXTAREA|TH|THEAD|TITLE|TR|TT|U|UL|VAR"
)
_BLANKS = (
    "お名前|ご?氏名|名前|宛名|会社名|貴社名|御社名|部署名|担当者名|役職|日付|日時|住所|電話番号|"
    "商品名|製品名|金額|件名|署名"
)
PLACEHOLDER = re.compile(
    r"\{\{\s?[A-Za-z_぀-ヿ一-鿿][\w .|-]{0,40}\}\}"
    r"|\$\{[A-Za-z_]\w{0,40}\}"
    rf"|<(?!(?:{_HTML})>)[A-Z][A-Z0-9]{{0,30}}(?:[_ -][A-Z0-9]{{1,30}}){{0,4}}>"
    r"|\[(?:(?:[Yy]our|YOUR|[Ii]nsert|INSERT|[Ee]nter|[Cc]ompany|COMPANY"
    r"|(?:[Rr]ecipient|[Cc]ustomer|[Cc]lient|[Ss]ender)(?:'s)?) [A-Z]?[A-Za-z' /-]{1,40}"
    r"|(?:[Ff]irst |[Ll]ast |[Ff]ull )?[Nn]ame|NAME|DATE)\](?![(\[:])"
    rf"|[\[［](?:{_BLANKS})[\]］]"
)
TEMPLATE = re.compile(
    r"templat|placeholder|fill[- ]in|mustache|handlebars|jinja|"
    r"テンプレ|雛形|ひな形|ひな型|雛型|穴埋め|プレースホルダ|空欄|定型文",
    re.IGNORECASE,
)
"""A prompt that asks for places to be filled."""


def unfilled(answer: str, prompt: str) -> str | None:
    """The first placeholder of an answer that is no code, and whose prompt asks for none."""
    if not any(sign in answer for sign in SIGNS):
        return None
    found = PLACEHOLDER.search(CODE.sub(" ", answer) if "`" in answer else answer)
    if found is None or TEMPLATE.search(prompt):
        return None
    return None if found[0] in prompt and found[0][0] != "{" else found[0]

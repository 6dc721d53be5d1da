"""What a template left to be filled is seen; what a prompt asks for, code, markup and control tokens are not."""

import pytest

from jobs.logic.text.placeholders import unfilled


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("I am {{name}}, made by {{ author }}.", "{{name}}"),
        ("こんにちは、{{名前}}です。", "{{名前}}"),
        ("Dear <NAME>, your order <ORDER_ID> is ready.", "<NAME>"),
        ("Dear [Your Name],", "[Your Name]"),
        ("Sincerely,\n[your company]", "[your company]"),
        ("[お名前]様、いつもありがとうございます。", "[お名前]"),
        ("Total: ${amount} dollars", "${amount}"),
        ("It costs $5 {sic}.", None),
        ("Use <BR> and <TABLE> in old pages, <p> in new ones.", None),
        ("Write `{{name}}` where the name goes.", None),
        ("```\nHello ${x}\n```", None),
        ("[Name](https://example.com) and a[0], [1], [Smith 2019]", None),
        ("【タイトル】と［注1］", None),
        ("if a <B> c", None),
        ("plain", None),
    ],
)
def test_unfilled(answer: str, found: str | None) -> None:
    assert unfilled(answer, "Write a letter.") == found


def test_a_prompt_that_asks_for_it_explains_it() -> None:
    assert unfilled("Dear [Your Name],", "Write a template for a letter.") is None
    assert unfilled("お名前：[お名前]", "メールのテンプレートを作って") is None
    assert unfilled("Dear [Your Name],", "Correct this: dear [Your Name]") is None
    assert unfilled("I am {{name}}.", "Who are you, {{name}}?") == "{{name}}"

"""Secrets and personal data are found, what nobody owns is not, and nothing of them is shown.

Keys are put together here from pieces, so that no scanner takes this file for a leak.
"""

import base64
import string
from random import Random

import pytest

from jobs.logic.text import signs
from jobs.logic.text.private import MARKS, PERSONAL, SECRET, found, masked, suspects, without

ALL = (SECRET, *PERSONAL)
LETTERS = string.ascii_letters + string.digits


def drawn(number: int, characters: str = LETTERS, seed: int = 7) -> str:
    """Letters by lot, with each of the usual kinds among them."""
    return "".join(Random(seed).choices(characters, k=number - 3)) + "".join((characters[0], characters[-1], "7"))


def kinds(text: str) -> list[str]:
    return [span.kind for span in found(text, ALL)]


def token() -> str:
    parts = [b'{"alg":"HS256","typ":"JWT"}', b'{"sub":"1234567890","iat":1516239022}']
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), drawn(43)])


def pem(name: str = "RSA PRIVATE") -> str:
    lines = "\n".join(drawn(64, seed=number) for number in range(4))
    return f"-----{'BEG' + 'IN'} {name} KEY-----\n{lines}\n-----{'EN' + 'D'} {name} KEY-----"


KEYS = [
    "sk" + "-" + drawn(48),
    "sk" + "-proj-" + drawn(120, LETTERS + "-_"),
    "sk" + "-ant-api03-" + drawn(95, LETTERS + "-_"),
    "hf" + "_" + drawn(34),
    "gh" + "p_" + drawn(36),
    "github" + "_pat_" + drawn(82),
    "gl" + "pat-" + drawn(20),
    "AK" + "IA" + drawn(16, string.ascii_uppercase + "2345678"),
    "AI" + "za" + drawn(35),
    "xo" + "xb-123456789012-" + drawn(24),
    "https://hooks." + "slack.com/services/T0ABCDEF1/B0ABCDEF2/" + drawn(24),
    "sk" + "_live_" + drawn(24),
    "rk" + "_test_" + drawn(24),
    "S" + "G." + drawn(22) + "." + drawn(43),
    "np" + "m_" + drawn(36),
    "shp" + "at_" + drawn(32, "0123456789abcdef"),
    "123456789:" + "AA" + drawn(33),
    token(),
    pem(),
    pem("OPENSSH PRIVATE"),
    pem("PRIVATE"),
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("text", ["{}", "鍵は{}です。", "The key is {}.", 'key = "{}"', "a\n{}\nb", "（{}）"])
def test_keys(key: str, text: str) -> None:
    spans = found(text.format(key), ALL)
    assert [span.kind for span in spans] == [SECRET]
    shown = masked(text.format(key))
    assert MARKS[SECRET] in shown
    assert not any(piece in shown for piece in (key[8:20], key[-14:-2]))
    assert without(text.format(key), [SECRET])[0] == shown


@pytest.mark.parametrize(
    "text",
    [
        "password: Xk29fQz7!",
        'PASSWORD="Xk29fQz7!"',
        "パスワードは Xk29fQz7! です",
        "パスワード：「Xk29fQz7!」",
        f"api_key = {drawn(24)}",
        f"AWS_SECRET_ACCESS_KEY={drawn(40, LETTERS + '+/')}",
        f'{{"client_secret": "{drawn(32)}"}}',
        f"Authorization: Bearer {drawn(40)}",
        f"APIキーは{drawn(32)}です",
        f"postgres://admin:{drawn(14)}@db.host.net/main",
        "postgres://admin:" + "huntersecretword" + "@db.host.net/main",
    ],
)
def test_what_is_named_a_secret(text: str) -> None:
    assert kinds(text) == [SECRET]
    assert kinds(masked(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "sk" + "-your-api-key-goes-here-please",
        "sk" + "-xxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "AK" + "IAIOSFODNN7EXAMPLE",
        "hf" + "_" + "x" * 34,
        "use sk-learn and sk-image for it",
        "password: your_password_123",
        "password: P@ssw0rd",
        "password: ********",
        "The password is wrong again.",
        "Password must have 8 characters and 1 digit.",
        "token = os.environ['TOKEN_2']",
        "secret = settings.secrets.value2",
        "max_tokens=4096, temperature=0.7",
        "the tokenizer: Qwen2TokenizerFast",
        "git checkout 3f2a9c1e5b7d8f0a1c2b3d4e5f6a7b8c9d0e1f2a",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END PUBLIC KEY-----",
        "A key begins with -----BEGIN PRIVATE KEY----- and ends likewise.",
        "v3.0.0-rc1, B-12, ISBN 978-4-10-148410-0",
        "internationalization-and-localization",
        "https://user:password@localhost/main",
        "postgres://user:your-password@localhost/main",
        "https://example.org:8443/a@b",
        "パスワードは八文字以上にしてください。",
    ],
)
def test_what_is_no_secret(text: str) -> None:
    assert kinds(text) == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("taro.yamada@gmail.com", "email"),
        ("連絡先はtaro+news@mail.city.kyoto.jpです。", "email"),
        ("ｔａｒｏ＠ｇｍａｉｌ．ｃｏｍ", "email"),
        ("090-2345-6789", "phone"),
        ("０９０－２３４５－６７８９", "phone"),
        ("０９０ー２３４５ー６７８９", "phone"),
        ("080 2345 6789", "phone"),
        ("電話は07023456789です", "phone"),
        ("03-2345-6789", "phone"),
        ("(06)2345-6789", "phone"),
        ("0466(23)4567", "phone"),
        ("+81-90-2345-6789", "phone"),
        ("+81 3 2345 6789", "phone"),
        ("(212) 736-5000", "phone"),
        ("212-736-5000", "phone"),
        ("+1 212-736-5000", "phone"),
        ("+44 20 7123 4567", "phone"),
        ("4539 5787 6362 1486", "card"),
        ("4539578763621486", "card"),
        ("5425-2334-3010-9903", "card"),
        ("3782 822463 10005", "card"),
        ("マイナンバーは 1234 5678 9018 です", "my-number"),
        ("個人番号：123456789018", "my-number"),
        ("Her SSN is 536-22-8726.", "ssn"),
        ("DE44 5001 0517 5407 3249 31", "iban"),
        ("GB29NWBK60161331926819", "iban"),
        ("203.104.209.71", "ip-address"),
        ("2400:cb00:2048:1::c629:d7a2", "ip-address"),
    ],
)
def test_personal_data(text: str, kind: str) -> None:
    for around in ("{}", "担当：{}。", "Ask {}, please", "a\n{}"):
        assert kinds(around.format(text)) == [kind]
    assert without(f"x {text} y", PERSONAL)[1] == {kind: 1}
    assert kinds(masked(text)) == []
    assert found(text, [SECRET]) == []


@pytest.mark.parametrize(
    "text",
    [
        *("taro@example.com", "a@mail.example.org", "you@host.test", "no-reply@city.jp", "your.name@gmail.com"),
        *("user@domain.com", "git@github.com:a/b.git", "icon@2x.png", "@taro さん", "lodash@4.17.21", "pots @ home"),
        *("555-0100", "(212) 555-0100", "+1-212-555-0123", "090-0000-0000", "03-0000-0000", "0120-123-456"),
        *("800-736-5000", "2011-03-11", "2011年3月11日14時46分", "ISBN 978-4-10-148410-0", "1,000,000,000"),
        *("10 20 30 40 50 60", "0.33333333333333", "123 456 7890", "3.14159265358979", "1-2-3-4-5-6-7-8-9-10"),
        *("4539 5787 6362 1487", "1234567890123456", "0000 0000 0000 0000", "1234 5678 9018", "番号は1234-5678-9018"),
        *("SSN 123-45-6789", "536-22-8726", "DE44 5001 0517 5407 3249 32", "XX44500105175407324931", "192.168.0.1"),
        *("127.0.0.1", "10.1.2.3", "8.8.8.8", "198.51.100.7", "version 10.40.219.3", "v1.2.3.40", "Section 2.1.3.4"),
        *("256.300.1.2", "2001:db8::1", "::1", "12:34:56:78", "aa:bb:cc:dd:ee:ff", "std::vector", "土鍋の手入れ", ""),
        *("5 * 12345678 = 61728390", "from 1998 to 2011, 24000 pots"),
    ],
)
def test_what_is_nobodys(text: str) -> None:
    assert kinds(text) == []
    assert masked(text) == text
    assert without(text, ALL) == (text, {})


def test_marks_are_put_where_the_data_was() -> None:
    text = f"鍵は{KEYS[0]}、電話は090-2345-6789か03-2345-6789、メールはtaro@gmail.com。"
    redacted, counts = without(text, ALL)
    assert redacted == "鍵は[SECRET]、電話は[PHONE]か[PHONE]、メールは[EMAIL]。"
    assert counts == {SECRET: 1, "phone": 2, "email": 1}
    assert without(redacted, ALL) == (redacted, {})
    assert without(text, ["email"])[0].endswith("メールは[EMAIL]。")


@pytest.mark.parametrize(
    "key", [key for key in KEYS if key.startswith(("sk", "rk", "hf", "gh", "git", "gl", "AI", "ey"))]
)
def test_a_key_that_was_cut_is_masked_too(key: str) -> None:
    for length in (18, 20, 22):
        assert masked(f"evidence: {key[:length]}") == "evidence: [SECRET]"


SAMPLES = [
    *KEYS,
    *("password: Xk29fQz7!", "パスワードは「Xk29fQz7!」", f"Bearer {drawn(40)}"),
    *("a://b:Xk29fQz7aa@c", "taro@gmail.com", "ｔａｒｏ＠ｇｍａｉｌ．ｃｏｍ", "０９０－２３４５－６７８９"),
    *("（０３）２３４５ー６７８９", "+81 3 2345 6789", "(212) 736-5000", "4539 5787 6362 1486"),
    *("個人番号：1234 5678 9018", "SSN: 536-22-8726", "DE44 5001 0517 5407 3249 31", "203.104.209.71"),
    *("2400:cb00:2048:1::c629:d7a2",),
]


@pytest.mark.parametrize("seed", range(20))
def test_the_screen_misses_nothing(seed: int) -> None:
    rng = Random(seed)

    def filler() -> str:
        return "".join(rng.choices("abc 12.,:-@/=（）はです\n", k=rng.randint(0, 20)))

    texts = []
    for _ in range(200):
        sample = list(rng.choice(SAMPLES))
        for _ in range(rng.choice((0, 0, 1, 3))):
            sample[rng.randrange(len(sample))] = rng.choice("a1 -.:@０Ａ")
        texts.append(filler() + "".join(sample)[: rng.choice((None, None, 20))] + filler())
    block = signs.block(texts)
    for some in ([SECRET], PERSONAL, ALL):
        for text, suspected in zip(texts, suspects(block, some), strict=True):
            assert suspected or not found(text, some), text


def test_the_screen_lets_most_texts_pass() -> None:
    texts = [
        "She has 4 cherry sours for every 5, so 10*20=200 in 1998.",
        "2011年3月11日に1,000個、比は3：2。",
        "",
        "\0",
    ]
    assert not suspects(signs.block(texts), ALL).any()
    assert suspects(signs.block([]), ALL).tolist() == []

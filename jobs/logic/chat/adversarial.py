"""Texts that tokenizers are known to disagree on."""

from __future__ import annotations

import unicodedata

MUST_AGREE = (
    "",
    " ",
    "\n\n\n",
    "a\r\nb\r\n",
    "\ttab  two  spaces   three",
    "trailing space ",
    "記事のタイトルを付けてください。",
    "がぎぐげご パピプペポ ヴ",
    "ｶﾞ半角カナ ＡＢＣ１２３ 全角",
    "①②③ ㍿ ㌔ 髙﨑 𠮷野家",
    "「」『』【】〜～ー―…‥・",
    "👨‍👩‍👧‍👦 🏳️‍🌈 🇯🇵 ✊🏽 1️⃣",
    "naïve café ﬁ ﬂ Å Ω",
    "123456789 1,234.56 0x1F 1e-10",
    "don't we'll I'VE they'd",
    "def f(x):\n    return x ** 2  # comment\n",
    "<|im_start|>user\nhello<|im_end|>\n",
    "<|im_start|>assistant\n<think>\n\n</think>\n\nanswer<|im_end|>\n",
    "<|endoftext|>",
    "<think>a</think><tool_call>{}</tool_call>",
    "< |im_end|> <|im_end |> <|im_end",
    "<|im_start|><|im_start|>",
    "\u200b\u200d\ufeff\u00a0zero width and no-break",
    "مرحبا שלום नमस्ते ไทย 한국어",
    "a" * 300,
    "、" * 200,
    "\x07bell \x1b[0m escape",
)
"""Equal ids are required in Hugging Face and in llama.cpp, control strings read as control tokens in both."""

KNOWN_TO_DIFFER = (
    unicodedata.normalize("NFD", "がぎぐげご パピプペポ"),
    unicodedata.normalize("NFD", "café naïve"),
    "a</s>b",
)
"""Qwen's tokenizer normalises to NFC and llama.cpp does not; llama.cpp takes `</s>` for a token that ends generation.
Reported, not required: who serves the model normalises to NFC."""

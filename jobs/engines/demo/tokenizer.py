"""The real Qwen3 tokenizer, made offline from a file that the pinned llama.cpp source carries.

`models/ggml-vocab-qwen2.gguf` holds the vocabulary and the merges that Qwen2, Qwen2.5 and Qwen3 share; Qwen3 adds 26
tokens behind them. The folder written here loads with `AutoTokenizer` and the pinned converter recognises its hash as
`qwen2`, so that whatever is proven on the demo model about text, control tokens and templates holds for a real one.
"""

import json
import struct
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import BPE

NUM_LEARNED = 151_643
"""Entries of the byte-level BPE vocabulary; the added tokens follow without a gap."""

CONTROL_TOKENS = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|object_ref_start|>",
    "<|object_ref_end|>",
    "<|box_start|>",
    "<|box_end|>",
    "<|quad_start|>",
    "<|quad_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|vision_pad|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
"""Added tokens that `skip_special_tokens` removes, in id order."""

PLAIN_TOKENS = (
    "<tool_call>",
    "</tool_call>",
    "<|fim_prefix|>",
    "<|fim_middle|>",
    "<|fim_suffix|>",
    "<|fim_pad|>",
    "<|repo_name|>",
    "<|file_sep|>",
    "<tool_response>",
    "</tool_response>",
    "<think>",
    "</think>",
)
"""Added tokens that `skip_special_tokens` keeps, in id order after the control tokens."""

NUM_TOKENS = NUM_LEARNED + len(CONTROL_TOKENS) + len(PLAIN_TOKENS)

# The pattern of `Qwen2Tokenizer` in transformers; llama.cpp names the same one LLAMA_VOCAB_PRE_TYPE_QWEN2.
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def build_tokenizer(vocab_gguf: Path, template: Path, into: Path) -> None:
    """Write the tokenizer's files into the folder `into`, which is made if it is not there.

    `vocab_gguf` is llama.cpp's `models/ggml-vocab-qwen2.gguf`, `template` the Jinja chat template to carry.
    The end-of-turn token is `<|im_end|>`, padding is `<|endoftext|>`, and there is no beginning-of-sequence token.

    Raises `ValueError` if the vocabulary is not the one this is made for, and `FileNotFoundError` for a missing file.
    """
    tokenizer = vocabulary(vocab_gguf)
    chat_template = template.read_text(encoding="utf-8")
    into.mkdir(parents=True, exist_ok=True)
    added = _added_tokens()
    tokenizer.save(str(into / "tokenizer.json"))
    (into / "tokenizer_config.json").write_text(_settings(added), encoding="utf-8")
    (into / "chat_template.jinja").write_text(chat_template, encoding="utf-8")


def vocabulary(vocab_gguf: Path) -> Tokenizer:
    """The tokenizer itself; raises as `build_tokenizer` does."""
    tokens, merges = _read_vocabulary(vocab_gguf)
    tokenizer = _byte_level_bpe(tokens, merges)
    tokenizer.add_tokens(list(_added_tokens().values()))
    return tokenizer


def _read_vocabulary(vocab_gguf: Path) -> tuple[list[str], list[tuple[str, str]]]:
    data = vocab_gguf.read_bytes()
    tokens = _string_array(data, b"tokenizer.ggml.tokens")[:NUM_LEARNED]
    pairs = [merge.split(" ") for merge in _string_array(data, b"tokenizer.ggml.merges")]
    merges = [(left, right) for left, right in pairs]
    if len(set(tokens)) != NUM_LEARNED or "<|endoftext|>" in tokens:
        raise ValueError(f"{vocab_gguf}: its first {NUM_LEARNED} entries are not Qwen's byte-level vocabulary")
    return tokens, merges


def _string_array(data: bytes, key: bytes) -> list[str]:
    """The strings stored under `key` of a GGUF file, in order.

    Layout: key length (u64), key, value type (u32, 9 = array), element type (u32, 8 = string), count (u64), then
    each string as length (u64) and UTF-8 bytes (docs/gguf.md of ggml). `gguf.GGUFReader` takes ten seconds for this
    file, because it makes an array object of every field part; this takes a tenth of one.
    """
    start = data.find(struct.pack("<Q", len(key)) + key)
    header = start + 8 + len(key)
    if start < 0 or struct.unpack_from("<II", data, header) != (9, 8):
        raise ValueError(f"no list of strings is stored under {key.decode()}")
    (count,) = struct.unpack_from("<Q", data, header + 8)
    place = header + 16
    strings = []
    for _ in range(count):
        (length,) = struct.unpack_from("<Q", data, place)
        place += 8 + length
        strings.append(data[place - length : place].decode("utf-8"))
    return strings


def _added_tokens() -> dict[int, AddedToken]:
    flags = [(text, True) for text in CONTROL_TOKENS] + [(text, False) for text in PLAIN_TOKENS]
    return {
        NUM_LEARNED + place: AddedToken(text, special=special, normalized=False)
        for place, (text, special) in enumerate(flags)
    }


def _byte_level_bpe(tokens: list[str], merges: list[tuple[str, str]]) -> Tokenizer:
    vocab = {token: number for number, token in enumerate(tokens)}
    tokenizer = Tokenizer(BPE(vocab=vocab, merges=merges, fuse_unk=False, byte_fallback=False))
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="isolated", invert=False),
            pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
        ]
    )
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def _settings(added: dict[int, AddedToken]) -> str:
    decoder = {
        str(number): {
            "content": token.content,
            "lstrip": False,
            "normalized": False,
            "rstrip": False,
            "single_word": False,
            "special": token.special,
        }
        for number, token in added.items()
    }
    settings = {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": decoder,
        "additional_special_tokens": list(CONTROL_TOKENS[1:]),
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "eos_token": "<|im_end|>",
        "errors": "replace",
        "model_max_length": 131_072,
        "pad_token": "<|endoftext|>",
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }
    return json.dumps(settings, ensure_ascii=False, indent=2, sort_keys=True) + "\n"

"""The demo tokenizer is Qwen3's: same ids, same flags, and text cut as llama.cpp cuts it."""

import hashlib
import os
from pathlib import Path

import pytest
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from jobs.engines.demo.tokenizer import CONTROL_TOKENS, NUM_TOKENS, PLAIN_TOKENS, build_tokenizer

ROOT = Path(__file__).resolve().parents[3]
SOURCE = Path(os.environ.get("LLAMA_CPP_SOURCE", ROOT / "vendor/llama.cpp/build/src"))
VOCAB = SOURCE / "models/ggml-vocab-qwen2.gguf"
TEMPLATE = SOURCE / "models/templates/Qwen-Qwen3-0.6B.jinja"

pytestmark = pytest.mark.skipif(not VOCAB.exists(), reason="the llama.cpp source is not unpacked")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("tokenizer")
    build_tokenizer(VOCAB, TEMPLATE, into)
    return into


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    return AutoTokenizer.from_pretrained(folder)


def test_files(folder: Path) -> None:
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["chat_template.jinja", "tokenizer.json", "tokenizer_config.json"]


def test_length(tokenizer: PreTrainedTokenizerFast) -> None:
    assert len(tokenizer) == NUM_TOKENS == 151_669


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("<|endoftext|>", 151_643),
        ("<|im_start|>", 151_644),
        ("<|im_end|>", 151_645),
        ("<|video_pad|>", 151_656),
        ("<tool_call>", 151_657),
        ("<|fim_pad|>", 151_662),
        ("<think>", 151_667),
        ("</think>", 151_668),
        ("\n", 198),
        ("\n\n", 271),
    ],
)
def test_ids(tokenizer: PreTrainedTokenizerFast, text: str, number: int) -> None:
    assert tokenizer.encode(text) == [number]


def test_named_tokens(tokenizer: PreTrainedTokenizerFast) -> None:
    named = (tokenizer.bos_token, tokenizer.eos_token, tokenizer.pad_token, tokenizer.unk_token)
    assert named == (None, "<|im_end|>", "<|endoftext|>", None)


def test_flags(tokenizer: PreTrainedTokenizerFast) -> None:
    flags = {token.content: token.special for token in tokenizer.added_tokens_decoder.values()}
    assert flags == dict.fromkeys(CONTROL_TOKENS, True) | dict.fromkeys(PLAIN_TOKENS, False)


def test_skipping_special_tokens_keeps_think(tokenizer: PreTrainedTokenizerFast) -> None:
    ids = tokenizer.encode("<think>a</think>b<|im_end|>")
    assert tokenizer.decode(ids, skip_special_tokens=True) == "<think>a</think>b"


def test_composes_kana(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tokenizer.encode("か\u3099") == tokenizer.encode("\u304c")


def test_template(tokenizer: PreTrainedTokenizerFast) -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    assert tokenizer.apply_chat_template(messages, tokenize=False) == (
        "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\nb<|im_end|>\n"
    )


def test_cases_of_llama_cpp(tokenizer: PreTrainedTokenizerFast) -> None:
    texts = VOCAB.with_name(VOCAB.name + ".inp").read_text(encoding="utf-8").split("\n__ggml_vocab_test__\n")
    lines = VOCAB.with_name(VOCAB.name + ".out").read_text(encoding="utf-8").splitlines()
    expected = [[int(number) for number in line.split()] for line in lines]
    assert len(expected) > 40
    assert [tokenizer.encode(text) for text in texts[: len(expected)]] == expected


def test_same_bytes_again(folder: Path, tmp_path: Path) -> None:
    build_tokenizer(VOCAB, TEMPLATE, tmp_path)
    for path in folder.iterdir():
        again = hashlib.sha256((tmp_path / path.name).read_bytes()).hexdigest()
        assert again == hashlib.sha256(path.read_bytes()).hexdigest(), path.name


def test_refuses_another_vocabulary(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"tokenizer\.ggml\.tokens"):
        build_tokenizer(TEMPLATE, TEMPLATE, tmp_path)

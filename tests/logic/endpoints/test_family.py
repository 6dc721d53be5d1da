"""Whether two models are kin: by names in the ways people write them, by file, by a GGUF's architecture."""

from __future__ import annotations

import pytest

from jobs.logic.endpoints.family import Identity, core, kinship


@pytest.mark.parametrize(
    ("one", "other", "kin"),
    [
        ("Qwen/Qwen3-4B", "qwen3:4b-q4_K_M", "same"),
        ("Qwen3-4B", "models/Qwen3-4B-UD-Q4_K_XL-00001-of-00002.gguf", "same"),
        ("Qwen3-4B", "hf.co/unsloth/Qwen3-4B-GGUF:Q4_K_M", "same"),
        ("Qwen3-4B", "unsloth/Qwen3-4B-bnb-4bit", "same"),
        ("Qwen3-4B", "Qwen3-4B.Q8_0.gguf", "same"),
        ("Qwen3-4B-FP8", "Qwen3-4B-AWQ", "same"),
        ("smollm2_135m_instruct_q8_0", "HuggingFaceTB/SmolLM2-135M-Instruct", "same"),
        ("Qwen3-4B", "Qwen3-8B", "family"),
        ("Qwen3-4B", "Qwen3-4B-Instruct-2507", "family"),
        ("Qwen3-4B", "Qwen2.5-7B-Instruct", "family"),
        ("Qwen3-4B", "DeepSeek-R1-Distill-Qwen-7B", "family"),
        ("Qwen3-4B", "Alibaba-NLP/Tongyi-DeepResearch-30B-A3B", "family"),
        ("Qwen3-4B", "SakanaAI/TinySwallow-1.5B-Instruct", "family"),
        ("gpt-4o", "o3-mini", "family"),
        ("Qwen3-4B", "gpt-4o", "other"),
        ("claude-sonnet-4-5", "gemini-2.5-pro", "other"),
        ("Qwen3-4B", "my-titles", "unknown"),
        ("my-titles", "her-titles", "unknown"),
        ("my-titles", "runs/my-titles-Q4_K_M.gguf", "same"),
        ("Q4_K_M.gguf", "q8_0", "unknown"),
    ],
)
def test_by_name(one: str, other: str, kin: str) -> None:
    assert kinship(Identity([one]), Identity([other])) == kin
    assert kinship(Identity([other]), Identity([one])) == kin


@pytest.mark.parametrize(
    ("one", "other", "kin"),
    [
        (Identity(["a"], digest="1f"), Identity(["b"], digest="1f"), "same"),
        (Identity(["a"], digest="1f"), Identity(["b"], digest="2e"), "unknown"),
        (Identity(["a"], architecture="qwen3"), Identity(["Qwen2.5-7B"]), "family"),
        (Identity(["a"], architecture="llama"), Identity(["b"], architecture="llama"), "unknown"),
        (Identity(["a", "Qwen/Qwen3-4B"]), Identity(["qwen3-4b"]), "same"),
        (Identity([]), Identity([]), "unknown"),
    ],
)
def test_by_file_and_header(one: Identity, other: Identity, kin: str) -> None:
    assert kinship(one, other) == kin


def test_a_version_with_a_point_is_one_word() -> None:
    assert core("Qwen2.5-7B-Instruct.Q4_K_M.gguf") == ("qwen2.5", "7b", "instruct")

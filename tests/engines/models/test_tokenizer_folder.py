"""The tokenizer's folder that preflight makes: one template and one stop token, wherever the base has them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs.core.artifact import Artifact
from jobs.core.errors import Refusal
from jobs.engines.models import tokenizer_folder
from tests.engines.models import small_model
from tests.engines.models.small_model import change_json
from tests.stages.small_run import publish

SETTINGS, SPECIAL = "tokenizer_config.json", "special_tokens_map.json"
Form = Callable[[Path], Any]


def made(root: Path, form: Form, template: bytes = b"{{ messages }}\n") -> Path:
    """The tokenizer's folder of a base in some form, with a template of ours."""
    model = small_model.write(root / "fetch/model")
    form(model)
    (root / "ours.jinja").write_bytes(template)
    fetch: Artifact = publish(root, "fetch")
    tokenizer_folder.copy(fetch, root / "ours.jinja", root / "tokenizer")
    return root / "tokenizer"


def special(value: Any) -> Form:
    return lambda model: (model / SPECIAL).write_text(json.dumps({"eos_token": value, "pad_token": "<|endoftext|>"}))


@pytest.mark.parametrize(
    ("form", "files"),
    [
        (lambda model: None, [SETTINGS]),
        (lambda model: change_json(model / SETTINGS, chat_template="another"), [SETTINGS]),
        (lambda model: change_json(model / SETTINGS, chat_template=[{"name": "x", "template": "y"}]), [SETTINGS]),
        (lambda model: (model / "chat_template.json").write_text('{"chat_template": "another"}'), [SETTINGS]),
        (lambda model: change_json(model / SETTINGS, eos_token="<|endoftext|>"), [SETTINGS]),
        (lambda model: change_json(model / SETTINGS, eos_token=None), [SETTINGS]),
        (special("<|endoftext|>"), [SETTINGS, SPECIAL]),
        (special({"content": "<|endoftext|>", "lstrip": False}), [SETTINGS, SPECIAL]),
    ],
)
def test_the_template_is_in_one_place_and_turns_end_everywhere(tmp_path: Path, form: Form, files: list[str]) -> None:
    folder = made(tmp_path, form)
    assert tokenizer_folder.inspect(folder) == {
        "templates": ["chat_template.jinja"], "stops": dict.fromkeys(files, "<|im_end|>"),
    }  # fmt: skip
    assert (folder / "chat_template.jinja").read_bytes() == b"{{ messages }}\n"
    assert tokenizer_folder.same(folder, tmp_path / "ours.jinja")


def test_what_is_not_said_is_said_as_it_is_read(tmp_path: Path) -> None:
    """The converter takes a pad token and added tokens from this file, and transformers from elsewhere."""

    def form(model: Path) -> None:
        special("<|im_end|>")(model)
        change_json(model / SETTINGS, pad_token=None, add_bos_token=True, add_eos_token=True)

    folder = made(tmp_path, form)
    settings = json.loads((folder / SETTINGS).read_text())
    assert settings["pad_token"] == "<|endoftext|>"
    assert (settings["add_bos_token"], settings["add_eos_token"]) == (False, False)


def test_line_ends_are_those_that_the_libraries_read(tmp_path: Path) -> None:
    folder = made(tmp_path, lambda model: None, b"a\r\nb\rc\xe3\x81\x82")
    assert (folder / "chat_template.jinja").read_bytes() == b"a\nb\nc\xe3\x81\x82"
    assert tokenizer_folder.same(folder, tmp_path / "ours.jinja")


def test_a_template_in_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=r"ours.jinja: is not UTF-8"):
        made(tmp_path, lambda model: None, b"\xff\xfe")


def test_what_was_changed_afterwards_is_found(tmp_path: Path) -> None:
    folder = made(tmp_path, special("<|im_end|>"))
    change_json(folder / SETTINGS, chat_template="x", eos_token={"content": "<|endoftext|>"})
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates/tool_use.jinja").write_text("x")
    assert tokenizer_folder.inspect(folder) == {
        "templates": ["chat_template.jinja", SETTINGS, "additional_chat_templates/tool_use.jinja"],
        "stops": {SETTINGS: "<|endoftext|>", SPECIAL: "<|im_end|>"},
    }

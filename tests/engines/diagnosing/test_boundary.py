"""Whatever a file holds costs that file one line: the others are diagnosed, and what is written can be read."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from jobs.__main__ import diagnosing
from jobs.core.errors import EnvironmentProblem, Exit, Refusal
from jobs.engines.diagnosing import boundary
from jobs.engines.diagnosing.boundary import Unreadable
from jobs.engines.diagnosing.looking import look
from jobs.engines.gguf import file as gguf_file, library, llama_tools
from jobs.logic.diagnosing import kinds
from tests import gguf_tamper
from tests.engines.diagnosing import held as made
from tests.engines.diagnosing.test_command import write_rows
from tests.engines.models import small_model

Change = Callable[[Path], None]
Found = dict[str, Any]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (Unreadable("has no\nrows"), "has no rows"), (Refusal("prepare.x: wrong"), "prepare.x: wrong"),
        (EnvironmentProblem("no room"), "no room"), (PermissionError(13, "Permission denied"), "Permission denied"),
        (OSError("odd"), "OSError"), (RecursionError("deep"), "is nested too deeply"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), "is not UTF-8 (invalid at byte 0)"),
        (TypeError("'NoneType' object is not subscriptable"), "does not have the form of a GGUF (TypeError)"),
        (KeyError("a"), "does not have the form of a GGUF (KeyError)"),
        (OverflowError("int too large"), "does not have the form of a GGUF (OverflowError)"),
        (ValueError("cannot reshape"), "does not have the form of a GGUF (ValueError)"),
    ],
)  # fmt: skip
def test_an_error_in_plain_words(error: Exception, said: str) -> None:
    assert isinstance(error, boundary.STUMBLED)
    assert boundary.why(error, boundary.FORMS[kinds.GGUF]) == said


def test_every_kind_that_is_read_says_what_was_expected() -> None:
    assert boundary.FORMS.keys() == kinds.KINDS.keys() - set(kinds.NEVER_READ)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, an adapter of it, the merge, its GGUF, rows with tags, settings, a Modelfile: all of it readable."""
    folder = tmp_path_factory.mktemp("good")
    base = small_model.write(folder / "base")
    small_model.adapter(base, folder / "adapter")
    made.merge(base, folder / "adapter", folder / "merged")
    made.small_gguf(folder / "merged", folder / "model.gguf")
    write_rows(folder / "rows.jsonl", 20)
    (folder / "args.json").write_text('{"learning_rate": 1e-4, "num_train_epochs": 3, "max_length": 40}')
    (folder / "Modelfile").write_text("FROM ./model.gguf\n")
    return folder


@pytest.fixture
def folder(good: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(good, tmp_path / "given"))


def diagnosis(folder: Path, *more: str) -> Found:
    """What is written of a folder as it is walked; no check may have failed, and every file can be encoded."""
    given = ",".join(f"'{one}'" for one in (*more, folder))
    assert diagnosing([f"diagnose.look=[{given}]", f"diagnose.out={folder}.out"]) == Exit.GATE_FAILED
    out = Path(f"{folder}.out")
    for name in ("diagnosis.html", "diagnosis.json", "diagnosis.sarif"):
        text = (out / name).read_text(encoding="utf-8")
        assert "that is a bug here" not in text
        assert text.encode()
    found: Found = json.loads((out / "diagnosis.json").read_text(encoding="utf-8"))
    json.dumps(found, ensure_ascii=False).encode()
    return found


def lines(found: Found, folder: Path) -> dict[str, str]:
    """Name below the folder to why it could not be read."""
    told = [one for one in found["taken"] if one["kind"] == kinds.UNREADABLE]
    return {Path(one["path"]).relative_to(folder).as_posix(): one["why"] for one in told}


def certainty(found: Found, code: str) -> str:
    return next(one["certainty"] for one in found["causes"] if one["code"] == code)


def test_good_files_cost_no_line_and_no_check_fails(folder: Path) -> None:
    found = diagnosis(folder)
    assert lines(found, folder) == {}
    assert certainty(found, "CAU001") == "proven"
    assert certainty(found, "CAU301") == "ruled out"


def put(name: str, **changes: object) -> Change:
    return lambda folder: small_model.change_json(folder / name, **changes)


def as_text(name: str, text: str) -> Change:
    def change(folder: Path) -> None:
        (folder / name).write_text(text)

    return change


def odd_token(value: str) -> Change:
    """The id of the first added token of the merged folder, as JSON that Python reads."""

    def change(folder: Path) -> None:
        path = folder / "merged/tokenizer.json"
        data = json.loads(path.read_text())
        data["added_tokens"][0]["id"] = "HERE"
        path.write_text(json.dumps(data).replace('"HERE"', value))

    return change


def infinite_width(folder: Path) -> None:
    path = folder / "merged/config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "hidden_size": float("inf")}))


def wide_factor(folder: Path) -> None:
    path = folder / "adapter/adapter_model.safetensors"
    factors = load_file(path)
    name = next(one for one in factors if "lora_A" in one)
    save_file({**factors, name: torch.ones(4, 99)}, path)


def other_rank(folder: Path) -> None:
    path = folder / "adapter/adapter_model.safetensors"
    factors = load_file(path)
    name = next(one for one in factors if "lora_B" in one)
    save_file({**factors, name: torch.ones(factors[name].shape[0], 7)}, path)


def without_weights(folder: Path) -> None:
    (folder / "base/model.safetensors").unlink()


NO_FORM = "is not as tokenizers write it"
BAD: dict[str, tuple[Change, dict[str, str]]] = {
    "an infinite width": (infinite_width, {}),
    "an infinite id": (odd_token("Infinity"), {"merged": NO_FORM}),
    "a token that is a list": (odd_token("[1]"), {"merged": NO_FORM}),
    "a tokenizer that is a list": (as_text("merged/tokenizer.json", "[]"), {"merged": NO_FORM}),
    "a tokenizer with nothing": (put("merged/tokenizer.json", model=None, added_tokens=None), {"merged": NO_FORM}),
    "a vocabulary of texts": (put("merged/tokenizer.json", model={"vocab": {"a": "b"}}), {"merged": NO_FORM}),
    "settings that are a list": (as_text("merged/tokenizer_config.json", "[]"), {"merged": "is no JSON object"}),
    "a template that is a number": (put("merged/tokenizer_config.json", chat_template=5), {}),
    "tokens that are lists": (put("merged/tokenizer_config.json", eos_token=["a"], bos_token={"content": 3}), {}),
    "half a character": (as_text("merged/special_tokens_map.json", '{"eos_token": "\\ud800"}'), {}),
    "ids that are objects": (as_text("merged/generation_config.json", '{"eos_token_id": {"a": 1}}'), {}),
    "a list of generation": (as_text("merged/generation_config.json", "[1]"), {"merged": "is no JSON object"}),
    "a config of odd types": (put("merged/config.json", hidden_size=["a"], model_type=["b"], rope_parameters=3), {}),
    "a config of nothing": (put("merged/config.json", hidden_size=None, eos_token_id="a", rope_theta=None), {}),
    "an alpha of 401 digits": (put("adapter/adapter_config.json", lora_alpha=10**400), {}),
    "a rank of 401 digits": (put("adapter/adapter_config.json", r=10**400), {}),
    "modules that are true": (put("adapter/adapter_config.json", modules_to_save=True), {}),
    "an adapter of odd types": (put("adapter/adapter_config.json", r="4", rank_pattern=[1], use_rslora={"a": 1}), {}),
    "an adapter's list": (as_text("adapter/adapter_config.json", "[]"), {"adapter": "expected an object"}),
    "a pattern that may never end": (put("adapter/adapter_config.json", rank_pattern={"(a+)+b": 2}), {}),
    "a factor of another width": (wide_factor, {}),
    "a factor of another rank": (other_rank, {}),
    "a base without weights": (without_weights, {"base": "has no weights in it"}),
    "a Modelfile with an escape of Go": (as_text("Modelfile", 'FROM ./model.gguf\nTEMPLATE {{ "a\\q" }}\n'), {}),
    "a Modelfile without FROM": (as_text("Modelfile", "TEMPLATE x\n"), {"Modelfile": "has no FROM"}),
    "settings of odd types": (as_text("args.json", '{"learning_rate": [1], "num_train_epochs": {"a": 1}}'), {}),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_costs_one_line_and_the_others_are_diagnosed(folder: Path, name: str) -> None:
    change, expected = BAD[name]
    change(folder)
    found = diagnosis(folder, *([f"base:{folder}/base"] if name == "a base without weights" else []))
    told = lines(found, folder)
    assert told.keys() == expected.keys()
    assert all(said in told[path] for path, said in expected.items())
    assert certainty(found, "CAU001") == "proven"
    assert not any("object" in why and "'" in why for why in told.values())


def test_an_update_that_is_not_known_is_said_on_the_adapters_line(folder: Path) -> None:
    wide_factor(folder)
    (why,) = (one["why"] for one in diagnosis(folder)["taken"] if one["kind"] == kinds.ADAPTER)
    assert "its update is not known here: its update of" in why
    assert "the base's is" in why


def test_a_name_that_is_not_utf_8_is_written_out(folder: Path) -> None:
    (folder / "rows.jsonl").rename(os.fsdecode(os.fsencode(folder) + b"/r\xffws.jsonl"))
    found = diagnosis(folder)
    assert any(one["path"].endswith("r\\udcffws.jsonl") for one in found["taken"])
    assert certainty(found, "CAU001") == "proven"
    assert "r%FFws.jsonl" in Path(f"{folder}.out/diagnosis.sarif").read_text()


def test_an_empty_folder_is_no_tokenizer(folder: Path) -> None:
    (folder / "empty").mkdir()
    assert "has no file of a tokenizer" in lines(diagnosis(folder, f"tokenizer:{folder}/empty"), folder)["empty"]


def test_a_template_in_a_gguf_that_is_no_text_is_damage(folder: Path) -> None:
    file = gguf_file.read(folder / "model.gguf")
    begin, end = file.spans["tokenizer.chat_template"]
    key = len("tokenizer.chat_template")
    length = end - begin - 8 - key - 4 - 8
    raw = bytearray((folder / "model.gguf").read_bytes())
    place = begin + 8 + key
    # the same bytes as a list of signs in place of a text: type, type of element, count; eight bytes of key and text go
    raw[place : place + 12] = (9).to_bytes(4, "little") + (0).to_bytes(4, "little") + (length - 4).to_bytes(4, "little")
    raw[place + 12 : place + 16] = bytes(4)
    (folder / "model.gguf").write_bytes(raw)
    found = diagnosis(folder)
    (damaged,) = (one for one in found["causes"] if one["code"] == "CAU401")
    assert "tokenizer.chat_template is list" in damaged["signs"][0]
    assert certainty(found, "CAU001") == "proven"


@pytest.fixture
def closed() -> Iterator[Path]:
    """A folder that this process may not read; root lays its rights down for that."""
    place = Path(tempfile.mkdtemp())
    (place / "inner").mkdir()
    place.chmod(0o755)
    (place / "inner").chmod(0o000)
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    yield place / "inner"
    os.seteuid(before)
    (place / "inner").chmod(0o700)
    shutil.rmtree(place)


@pytest.mark.parametrize("form", ["base:{inner}", "tokenizer:{inner}", "{inner}", "{outer}"])
def test_a_folder_that_may_not_be_read_is_a_line(closed: Path, form: str) -> None:
    (line,) = look([form.format(inner=closed, outer=closed.parent)]).taken
    assert (line.kind, line.why) == (kinds.UNREADABLE, "Permission denied")


def test_what_a_folder_is_besides_stays(folder: Path) -> None:
    found = look([f"base:{folder}/base"]).unreadable(folder / "base", kinds.BASE_TOKENIZER, "is none")
    assert [one.kind for one in found.taken] == [kinds.BASE, kinds.UNREADABLE]


def test_without_a_build_of_llama_cpp_a_header_is_read_and_the_rest_is_not_checked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    gguf_tamper.replace_template(
        folder / "model.gguf",
        (folder / "merged/chat_template.jinja").read_text(),
        "{{ messages[0].content }}",
    )
    monkeypatch.setattr(llama_tools, "VENDOR", tmp_path / "nothing")
    library.gguf_py.cache_clear()
    try:
        found = diagnosis(folder)
    finally:
        library.gguf_py.cache_clear()
    (line,) = (one for one in found["taken"] if one["kind"] == kinds.GGUF)
    assert line["why"].endswith("not loaded: llama.cpp is not built; run `make setup` first")
    assert certainty(found, "CAU404") == "consistent with"
    unseen = ("CAU401", "CAU402", "CAU403", "CAU408", "CAU410", "CAU411")
    assert {certainty(found, code) for code in unseen} == {"not checked"}

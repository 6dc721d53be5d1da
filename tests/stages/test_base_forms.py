"""Bases in the forms that Qwen publishes, from `fetch` on: to a GGUF, or to the refusal that is right, before training.

Random weights and the real tokenizer, one form a folder: the hybrid model as on the hub (template inside
tokenizer_config.json, config of 4.51, bf16, a head beside the tied embedding, sampling in the generation config), Base,
Instruct-2507 and Thinking-2507 in the same spelling.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file

from jobs.core import chain, process
from jobs.core.artifact import Artifact
from jobs.core.run_dir import RunDir
from jobs.engines.gguf import splitting
from tests.engines.models.small_model import change_json
from tests.torture import cases

END_OF_TEXT, END_OF_TURN, TEMPLATE = "<|endoftext|>", "<|im_end|>", "chat_template.jinja"
IDS = {END_OF_TEXT: 151_643, END_OF_TURN: 151_645}
PREFLIGHT = ("fetch", "prepare", "preflight")
TO_CONVERT = (*PREFLIGHT, "train", "smoke", "merge", "convert")
HEAD_BYTES = 2 * 151_936 * cases.WIDTH
THINKING_PROMPT = "{%- if add_generation_prompt %}\n    {{- '<|im_start|>assistant\\n<think>\\n' }}\n{%- endif %}"


@dataclass
class Forms:
    """The folders by name, and a run of each for every `chat`."""

    case: cases.Case
    folders: dict[str, Path]
    runs: Path
    codes: dict[str, int] = field(default_factory=dict)

    def make(self, form: str, chat: str, stages: Sequence[str], *more: str) -> tuple[int, str]:
        """The code of the last stage that was asked for, and its name; stages that are there are not made again."""
        name = f"{form}-{chat}"
        words = [*self.case.words(self.runs), f"run.name={name}", f"fetch.source.folder={self.folders[form]}", *more]
        for stage in stages:
            if stage == "fetch" and not (self.runs / name).exists():
                self._link_fetch(form, name)
            code = chain.load(stage)([*words, f"chat={chat}", "chat.grade_thinking_block=false"])
            if code:
                break
        return code, stage

    def _link_fetch(self, form: str, name: str) -> None:
        """`fetch` is the same for every chat: the first run's is taken."""
        for other in sorted(self.runs.glob(f"{form}-*/fetch")):
            shutil.copytree(other, self.runs / name / "fetch")
            return

    def artifact(self, form: str, chat: str, stage: str) -> Artifact:
        found = RunDir(self.runs / f"{form}-{chat}").artifact(stage)
        assert found
        return found

    def statuses(self, form: str, chat: str, stage: str) -> Mapping[str, str]:
        return self.artifact(form, chat, stage).record.verdict.statuses


def as_on_the_hub(source: Path, into: Path, template: str) -> Path:
    """The folder in the spelling of Qwen's own repositories."""
    shutil.copytree(source, into)
    config = json.loads((into / "config.json").read_text())
    theta = config.pop("rope_parameters")["rope_theta"]
    for key in ("dtype", "layer_types"):
        del config[key]
    config |= {
        "rope_theta": theta, "rope_scaling": None, "torch_dtype": "bfloat16", "sliding_window": None,
        "max_window_layers": 2, "bos_token_id": IDS[END_OF_TEXT], "transformers_version": "4.51.0",
    }  # fmt: skip
    (into / "config.json").write_text(json.dumps(config))
    weights = {name: tensor.bfloat16() for name, tensor in load_file(into / "model.safetensors").items()}
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
    save_file(weights, into / "model.safetensors", {"format": "pt"})
    generation = {"bos_token_id": IDS[END_OF_TEXT], "do_sample": True, "eos_token_id": [*reversed(IDS.values())],
                  "pad_token_id": IDS[END_OF_TEXT], "temperature": 0.6, "top_k": 20, "top_p": 0.95}  # fmt: skip
    (into / "generation_config.json").write_text(json.dumps(generation))
    (into / TEMPLATE).unlink()
    change_json(into / "tokenizer_config.json", chat_template=template)
    return into


def as_base(folder: Path) -> None:
    """Everything ends documents, the map of special tokens too."""
    change_json(folder / "config.json", eos_token_id=IDS[END_OF_TEXT])
    (folder / "generation_config.json").write_text(
        json.dumps({"eos_token_id": IDS[END_OF_TEXT], "max_new_tokens": 2048})
    )
    change_json(folder / "tokenizer_config.json", eos_token=END_OF_TEXT)
    special = {"eos_token": {"content": END_OF_TEXT, "lstrip": False}, "pad_token": END_OF_TEXT}
    (folder / "special_tokens_map.json").write_text(json.dumps(special))


@pytest.fixture(scope="module")
def forms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forms]:
    root = tmp_path_factory.mktemp("forms")
    case = cases.build(root / "case")
    hybrid = (case.model / TEMPLATE).read_text()
    start = hybrid.rindex("{%- if add_generation_prompt %}")
    templates = {
        "hybrid": hybrid,
        "base": hybrid,
        "instruct": (cases.ROOT / "conf/chat/templates/plain.jinja").read_text(),
        "thinking": hybrid[:start] + THINKING_PROMPT,
    }
    folders = {name: as_on_the_hub(case.model, root / name, text) for name, text in templates.items()}
    folders["bare"] = Path(shutil.copytree(folders["base"], root / "bare"))
    for name in ("base", "bare"):
        as_base(folders[name])
    change_json(folders["bare"] / "tokenizer_config.json", chat_template=None)
    handlers = {number: process.signal.getsignal(number) for number in process.STOPS}
    yield Forms(case, folders, root / "runs")
    for number, handler in handlers.items():
        process.signal.signal(number, handler)


@pytest.mark.parametrize(
    ("form", "chat", "code"),
    [
        ("hybrid", "no_thinking", 0),
        ("hybrid", "plain", 0),
        ("hybrid", "instruct_2507", 3),
        ("instruct", "instruct_2507", 0),
        ("instruct", "no_thinking", 3),
        ("thinking", "no_thinking", 3),
        ("thinking", "plain", 0),
    ],
)
def test_every_chat_is_taken_or_refused_before_training(forms: Forms, form: str, chat: str, code: int) -> None:
    assert forms.make(form, chat, PREFLIGHT) == (code, "preflight")
    statuses = forms.statuses(form, chat, "preflight")
    assert (statuses["TOK026"], statuses["TOK027"]) == ("pass", "pass")
    folder = forms.artifact(form, chat, "preflight").folder("tokenizer")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    assert "chat_template" not in settings
    assert settings["eos_token"] == END_OF_TURN


def gguf_header(artifact: Artifact) -> Any:
    from jobs.engines.gguf import file as gguf_file

    return gguf_file.read(artifact.file("model-f16.gguf"))


def test_a_hub_model_with_a_template_of_ours_becomes_a_gguf_with_that_template(forms: Forms) -> None:
    assert forms.make("hybrid", "plain", TO_CONVERT) == (0, "convert")
    fetched = forms.artifact("hybrid", "plain", "fetch").record.facts
    assert fetched["form"]["template"] == "tokenizer_config.json"
    assert (fetched["tied"], fetched["form"]["head_bytes"]) == (True, HEAD_BYTES)
    merged = forms.artifact("hybrid", "plain", "merge")
    assert merged.record.facts["form"]["head_bytes_left_out"] == HEAD_BYTES
    assert "lm_head.weight" not in load_file(merged.file("model/model.safetensors"))
    header = gguf_header(forms.artifact("hybrid", "plain", "convert"))
    ours = (cases.ROOT / "conf/chat/templates/plain.jinja").read_text()
    assert header.metadata["tokenizer.chat_template"] == ours
    assert "output.weight" not in header.tensors


def test_a_limit_that_the_embedding_cannot_keep_is_refused_before_training(
    forms: Forms, capsys: pytest.CaptureFixture[str]
) -> None:
    assert forms.make("hybrid", "plain", TO_CONVERT) == (0, "convert")
    before = forms.artifact("hybrid", "plain", "preflight").digest
    assert forms.make("hybrid", "plain", ["preflight"], "quantize.max_file_bytes=5000000") == (2, "preflight")
    said = capsys.readouterr()
    least = re.search(
        r"token_embd.weight of Q8_0 takes 5166016 .* set quantize.max_file_bytes=(\d+)", said.out + said.err
    )
    assert least
    enough = f"quantize.max_file_bytes={least[1]}"
    assert forms.make("hybrid", "plain", ["preflight"], enough) == (0, "preflight")
    assert forms.artifact("hybrid", "plain", "preflight").digest == before
    made = forms.artifact("hybrid", "plain", "convert").file("model-f32.gguf")
    splitting.require_room_for_each_tensor(made, {}, ["Q8_0"], int(least[1]))


def test_a_model_without_a_template_is_refused_with_the_one_that_can_be_brought(
    forms: Forms, capsys: pytest.CaptureFixture[str]
) -> None:
    assert forms.make("bare", "no_thinking", ["fetch"]) == (3, "fetch")
    assert "chat=plain brings one" in " ".join(capsys.readouterr().err.split())
    assert forms.statuses("bare", "no_thinking", "fetch")["FET007"] == "fail"


@pytest.mark.parametrize(("form", "chat"), [("base", "no_thinking"), ("bare", "plain")])
def test_a_base_model_becomes_a_gguf_that_ends_turns(forms: Forms, form: str, chat: str) -> None:
    assert forms.make(form, chat, TO_CONVERT) == (0, "convert")
    assert forms.statuses(form, chat, "fetch")["FET009"] == "warn"
    merged = forms.artifact(form, chat, "merge").folder("model")
    config, generation, settings, special = (
        json.loads((merged / name).read_text())
        for name in ("config.json", "generation_config.json", "tokenizer_config.json", "special_tokens_map.json")
    )
    assert (config["eos_token_id"], generation["eos_token_id"]) == (IDS[END_OF_TURN], [*reversed(IDS.values())])
    assert (settings["eos_token"], special["eos_token"]) == (END_OF_TURN, END_OF_TURN)
    assert config["rope_theta"] == 1e6  # in the base's own spelling, for loaders of its time
    header = gguf_header(forms.artifact(form, chat, "convert"))
    assert header.metadata["tokenizer.ggml.eos_token_id"] == IDS[END_OF_TURN]
    ours = (cases.ROOT / "conf/chat/templates/plain.jinja").read_text()
    assert (header.metadata["tokenizer.chat_template"] == ours) is (chat == "plain")

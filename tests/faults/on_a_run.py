"""Ways to break a good run, one function each. Every one changes files as a buggy stage would have written them."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.whole_run import own


def edit_rows(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Apply `change` to every row of a JSONL file."""
    rows = [json.loads(line) for line in own(path).read_text(encoding="utf-8").split("\n") if line]
    for row in rows:
        change(row)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def stop_ungraded(run: Path) -> None:
    """The loss never sees the end-of-turn token."""

    def change(row: dict[str, Any]) -> None:
        end = max(i for i, token in enumerate(row["input_ids"]) if token == 151_645)
        row["labels"][end] = -100
        row["kinds"] = row["kinds"][:end] + "p" + row["kinds"][end + 1 :]

    edit_rows(run / "preflight/train.jsonl", change)


def all_masked(run: Path) -> None:
    """No token of any row is graded."""

    def change(row: dict[str, Any]) -> None:
        row["labels"] = [-100] * len(row["labels"])
        row["kinds"] = "p" * len(row["kinds"])

    edit_rows(run / "preflight/train.jsonl", change)


def control_token_in_content(run: Path) -> None:
    """A word of each prompt became the token that opens a turn."""

    def change(row: dict[str, Any]) -> None:
        row["input_ids"][8] = 151_644

    edit_rows(run / "preflight/train.jsonl", change)


def zero_adapter(run: Path) -> None:
    """The adapter that was saved is as it was before the first step."""
    zero(run / "train/adapter/adapter_model.safetensors")


def zero(path: Path) -> None:
    from safetensors.torch import load_file, save_file

    own(path)
    save_file({name: 0 * tensor if "lora_B" in name else tensor for name, tensor in load_file(path).items()}, path)


def another_adapter(run: Path) -> None:
    """The adapter that was saved is not the best step's, but close to it."""
    from safetensors.torch import load_file, save_file

    path = own(run / "train/adapter/adapter_model.safetensors")
    save_file({name: 1.05 * tensor if "lora_B" in name else tensor for name, tensor in load_file(path).items()}, path)


def adapter_scale_altered(run: Path) -> None:
    """The adapter's config says twice the scale it was trained with."""
    scale_doubled(run / "train/adapter/adapter_config.json")


def scale_doubled(path: Path) -> None:
    config = json.loads(own(path).read_text())
    path.write_text(json.dumps(config | {"lora_alpha": 2 * config["lora_alpha"]}))


def remerge(run: Path, scale: float = 1.0, leave_out: str = "") -> None:
    """Merge again by other means: with the adapter's scale times `scale`, without the module `leave_out`."""
    from safetensors.torch import load_file, save_file

    from jobs.engines.models import adapter

    opened = adapter.load(run / "train/adapter")
    weights = load_file(run / "fetch/model/model.safetensors")
    merged = {name: tensor.float() for name, tensor in weights.items()}
    for module, update in adapter.updates(opened):
        if module != leave_out:
            merged[f"{module}.weight"] += scale * update
    path = own(run / "merge/model/model.safetensors")
    save_file(merged, path, metadata={"format": "pt"})


def merged_nothing(run: Path) -> None:
    remerge(run, scale=0.0)


def merged_with_wrong_scale(run: Path) -> None:
    remerge(run, scale=0.5)


def one_target_not_merged(run: Path) -> None:
    remerge(run, leave_out="model.layers.1.mlp.up_proj")


def both_ggufs(run: Path) -> list[Path]:
    return [own(run / "convert" / name) for name in ("model-f32.gguf", "model-f16.gguf")]


def template_altered(run: Path) -> None:
    """One letter of the chat template is another in the GGUFs."""
    for path in both_ggufs(run):
        data = bytearray(path.read_bytes())
        place = data.index(b"add_generation_prompt", data.index(b"tokenizer.chat_template"))
        data[place : place + 3] = b"axd"
        path.write_bytes(data)


def eos_altered(run: Path) -> None:
    """The GGUFs end on end-of-text, not on end-of-turn."""
    key = b"tokenizer.ggml.eos_token_id"
    for path in both_ggufs(run):
        data = bytearray(path.read_bytes())
        place = data.index(key) + len(key) + 4
        assert struct.unpack_from("<I", data, place) == (151_645,)
        struct.pack_into("<I", data, place, 151_643)
        path.write_bytes(data)


def layers_swapped(run: Path) -> None:
    """The tensors of the first two layers stand in each other's place."""
    from jobs.engines.gguf import file as gguf_file

    for path in both_ggufs(run):
        tensors = gguf_file.read(path).tensors
        data = bytearray(path.read_bytes())
        for name, first in tensors.items():
            if not name.startswith("blk.0."):
                continue
            second = tensors[name.replace("blk.0.", "blk.1.")]
            here, there = (slice(tensor.offset, tensor.offset + tensor.n_bytes) for tensor in (first, second))
            data[here], data[there] = data[there], data[here]
        path.write_bytes(data)


def truncated(run: Path) -> None:
    """The last kilobyte of the F16 GGUF is missing, as after a full disk."""
    path = both_ggufs(run)[1]
    path.write_bytes(path.read_bytes()[:-1024])


def quantized_the_base(run: Path) -> None:
    """The quant was made from the base model: right in form, without the fine-tune."""
    import shutil
    import tempfile

    from jobs.engines.gguf import llama_tools

    with tempfile.TemporaryDirectory() as name:
        base = Path(name) / "model"  # the converter writes the folder's name into the header
        shutil.copytree(run / "fetch/model", base)
        llama_tools.convert(base, Path(name) / "base.gguf", "f32")
        out = own(run / "quantize/model-Q4_K_M.gguf")
        llama_tools.quantize(Path(name) / "base.gguf", out, "Q4_K_M")


def longer_tokenizer(run: Path) -> None:
    """A tokenizer with more entries than the embedding has rows."""
    from transformers import AutoTokenizer

    folder = run / "fetch/model"
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([f"<extra_{number}>" for number in range(400)])
    for path in folder.glob("tokenizer*"):
        own(path)
    tokenizer.save_pretrained(folder)


def nan_weight(run: Path) -> None:
    """One weight of the base model is not a number."""
    from safetensors.torch import load_file, save_file

    path = own(run / "fetch/model/model.safetensors")
    weights = load_file(path)
    weights["model.layers.0.mlp.down_proj.weight"][3, 5] = float("nan")
    save_file(weights, path, metadata={"format": "pt"})


def held_out_row_in_train(run: Path) -> None:
    """A validation row also stands in the training rows."""
    path = own(run / "prepare/train.jsonl")
    first = (run / "prepare/val.jsonl").read_text(encoding="utf-8").split("\n")[0]
    path.write_text(path.read_text(encoding="utf-8") + first + "\n", encoding="utf-8")


def nothing(run: Path) -> None:
    """Leave the run as it is."""

#!/usr/bin/env bash
# Two adapters in one PeftModel, of which each has trained the embedding of a tied model with `ensure_weight_tying=True`.
#
# Versions: peft 0.21.2, transformers 5.17.0, torch 2.13.0, CPU.
# Expected: each adapter, when it is the active one, gives the logits that it had when it was saved: of tied models PEFT's
#           guide of LoRA says that with this setting the tied layers are wrapped and kept tied.
# Seen:     so it is for the first one that is loaded, whichever that is. The second gets its embedding and no head: it
#           runs with its own embedding below and the base's head above, though its file has both. What is said is that
#           "no tied modules were found in the model", which is tied; that weights of the file were left out stands only
#           in what `load_adapter` returns. `add_adapter` does the same: a second adapter is trained with a frozen head.
#           So comparing the best and the last checkpoint in one model compares one of them with something that never
#           was. One PeftModel for each is right. How tied layers are meant to be treated: huggingface/peft issue 2864.
# Exit 0 while that is so, 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check peft==0.21.2 transformers==5.17.0 torch==2.13.0
cat > "$folder/check.py" <<'PY'
import sys
import warnings
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, Qwen3Config, Qwen3ForCausalLM
from transformers.utils import logging

logging.disable_progress_bar()
folder = Path(sys.argv[1])
torch.manual_seed(0)
size = dict(vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, head_dim=8, initializer_range=0.2)
heads = dict(num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=True)
Qwen3ForCausalLM(Qwen3Config(**size, **heads)).save_pretrained(folder / "base")
text = torch.arange(20)[None]


def base():
    return AutoModelForCausalLM.from_pretrained(folder / "base")


@torch.no_grad()
def logits(model):
    return model.eval()(text).logits


def settings():
    return LoraConfig(
        r=4, target_modules=["q_proj"], modules_to_save=["embed_tokens"], ensure_weight_tying=True, task_type="CAUSAL_LM"
    )


saved = {}
for seed, name in enumerate(("best", "last")):
    torch.manual_seed(seed)
    model = get_peft_model(base(), settings())
    for tensor in model.parameters():
        if tensor.requires_grad:
            tensor.data += 0.1 * torch.randn_like(tensor)
    model.save_pretrained(folder / name)
    saved[name] = logits(model)

wrong = []
for first, second in (("best", "last"), ("last", "best")):
    model = PeftModel.from_pretrained(base(), folder / first, adapter_name=first)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        result = model.load_adapter(folder / second, adapter_name=second)
    for name in (first, second):
        model.set_adapter(name)
        gap = float((logits(model) - saved[name]).abs().max())
        print(f"{first}, then {second}: {name} is active, logits off by {gap:.2g}")
        wrong.append(gap > 1e-3)
    print("  said:", *{str(one.message) for one in said}, "| keys without a place:", result.unexpected_keys)
alone = logits(PeftModel.from_pretrained(base(), folder / "last"))
print(f"last alone: off by {float((alone - saved['last']).abs().max()):.2g}")
both = get_peft_model(base(), settings())
both.add_adapter("second", settings())
trained = list(both.base_model.model.lm_head.modules_to_save)
print(f"add_adapter: heads that are trained: {trained}")
sys.exit(wrong != [False, True] * 2 or bool((alone != saved["last"]).any()) or trained != ["default"])
PY
OMP_NUM_THREADS=1 "$folder/venv/bin/python" "$folder/check.py" "$folder" 2> "$folder/said" \
  || { cat "$folder/said" >&2; exit 1; }

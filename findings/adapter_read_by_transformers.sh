#!/usr/bin/env bash
# Adapters that PEFT saved, read by transformers itself: `AutoModelForCausalLM.from_pretrained(adapter folder)`, which its
# documentation offers for all methods of PEFT but prompt learning.
#
# Versions: transformers 5.17.0, peft 0.21.2, torch 2.13.0, CPU.
# Expected: the logits that the adapter had when it was saved, as PeftModel gives them, or an error.
# Seen:     so it is for LoRA and rsLoRA. With DoRA the magnitudes, with `trainable_token_indices` the rows of tokens, with
#           `modules_to_save` the whole layers are left out: each is named without the adapter's name and looked for with
#           it. The factors beside them are loaded, so the model answers, as another one than was trained. A table of keys
#           is logged, "UNEXPECTED" and "MISSING", and reading ends as if all were well. Saved from there, the adapter is
#           what PeftModel reads from then on without a word: what was learnt is gone from the file as well.
#           Of `modules_to_save` huggingface/transformers pull request 48595 tells, which 5.17.0 does not have.
# Exit 0 while that is so, 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.17.0 peft==0.21.2 torch==2.13.0
cat > "$folder/check.py" <<'PY'
import sys
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM, Qwen3Config, Qwen3ForCausalLM
from transformers.utils import logging

logging.disable_progress_bar()
folder = Path(sys.argv[1])
torch.manual_seed(0)
size = dict(vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, head_dim=8, initializer_range=0.2)
heads = dict(num_attention_heads=4, num_key_value_heads=2, tie_word_embeddings=False)
Qwen3ForCausalLM(Qwen3Config(**size, **heads)).save_pretrained(folder / "base")
text = torch.arange(20)[None]


def base():
    return AutoModelForCausalLM.from_pretrained(folder / "base")


@torch.no_grad()
def logits(model):
    return model.eval()(text).logits


def gaps(name, **options):
    torch.manual_seed(1)
    model = get_peft_model(base(), LoraConfig(r=8, target_modules=["q_proj"], task_type="CAUSAL_LM", **options))
    for tensor in model.parameters():
        if tensor.requires_grad:
            tensor.data += 0.1 * torch.randn_like(tensor)
    model.save_pretrained(folder / name)
    saved, read = logits(model), AutoModelForCausalLM.from_pretrained(folder / name)
    read.save_pretrained(folder / f"{name} again")
    found = {
        "PeftModel": logits(PeftModel.from_pretrained(base(), folder / name)),
        "transformers": logits(read),
        "saved again, PeftModel": logits(PeftModel.from_pretrained(base(), folder / f"{name} again")),
    }
    off = {reader: float((seen - saved).abs().max()) for reader, seen in found.items()}
    print(f"{name}: logits off by " + ", ".join(f"{gap:.2g} ({reader})" for reader, gap in off.items()))
    return [gap > 1e-3 for gap in off.values()]


seen = [
    gaps("LoRA"),
    gaps("rsLoRA", use_rslora=True),
    gaps("DoRA", use_dora=True),
    gaps("trainable tokens", trainable_token_indices=[3, 5]),
    gaps("modules to save", modules_to_save=["lm_head"]),
]
sys.exit(seen != [[False] * 3] * 2 + [[False, True, True]] * 3)
PY
OMP_NUM_THREADS=1 "$folder/venv/bin/python" "$folder/check.py" "$folder" 2> "$folder/said" \
  || { cat "$folder/said" >&2; exit 1; }

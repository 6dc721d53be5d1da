#!/usr/bin/env bash
# Which context scaling transformers reads of a Qwen3 GGUF whose header has YaRN, as the converter writes it for a folder
# to which it was added as the model card tells.
#
# Versions: transformers 5.17.0, gguf 0.19.0, torch 2.13.0, CPU.
# Expected: the model that the header describes: theta, context length and scaling; or a word that the scaling is left out.
# Seen:     theta and context length are read, the keys below `qwen3.rope.scaling` are not, and nothing is said at the
#           default level of messages: the config says "default", at the longer context, and the logits are those of a
#           model without scaling, from the first tokens on. The keys are read for gpt-oss alone. So a GGUF that is right
#           looks damaged beside its folder, and a folder that is saved from it has lost the scaling for good.
# Exit 0 while that is so, 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  transformers==5.17.0 gguf==0.19.0 torch==2.13.0 accelerate
cat > "$folder/check.py" <<'PY'
import sys

import gguf
import torch
from transformers import AutoModelForCausalLM, Qwen3Config, Qwen3ForCausalLM
from transformers.utils import logging

logging.disable_progress_bar()
LAYERS, CONTEXT, TRAINED, WORDS = 2, 256, 64, 32
PLAIN = {"rope_type": "default", "rope_theta": 1_000_000.0}
YARN = {**PLAIN, "rope_type": "yarn", "factor": CONTEXT / TRAINED, "original_max_position_embeddings": TRAINED}


def model_with(rope):
    torch.manual_seed(0)
    size = dict(vocab_size=WORDS, hidden_size=32, intermediate_size=64, num_hidden_layers=LAYERS, head_dim=128)
    heads = dict(num_attention_heads=2, num_key_value_heads=1, tie_word_embeddings=True, initializer_range=0.1)
    return Qwen3ForCausalLM(Qwen3Config(max_position_embeddings=CONTEXT, rope_parameters=dict(rope), **size, **heads)).eval()


def write(model, path):
    config, writer = model.config, gguf.GGUFWriter(path, "qwen3")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    if config.rope_parameters["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(config.rope_parameters["factor"])
        writer.add_rope_scaling_orig_ctx_len(TRAINED)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([f"word{n}" for n in range(WORDS)])
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3, LAYERS)
    for name, tensor in model.state_dict().items():
        if name != "lm_head.weight":  # tied
            writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), tensor.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


text = torch.arange(200)[None] % WORDS
seen = []
for name, rope in (("plain", PLAIN), ("yarn", YARN)):
    model = model_with(rope)
    write(model, f"{sys.argv[1]}/{name}.gguf")
    read = AutoModelForCausalLM.from_pretrained(sys.argv[1], gguf_file=f"{name}.gguf").eval()
    with torch.no_grad():
        gap = (model(text).logits - read(text).logits).abs()
    config = read.config
    print(f"{name}: read as {config.rope_parameters}, context {config.max_position_embeddings}, "
          f"logits off by up to {gap.max():.2g}, within the first {TRAINED} tokens {gap[:, :TRAINED].max():.2g}")
    seen.append((config.rope_parameters["rope_type"], bool(gap.max() > 1e-3)))
sys.exit(seen != [("default", False), ("default", True)])
PY
OMP_NUM_THREADS=1 "$folder/venv/bin/python" "$folder/check.py" "$folder" 2> "$folder/said" \
  || { cat "$folder/said" >&2; exit 1; }
! grep -iE "rope|scaling|yarn" "$folder/said" || { echo "a word about it is said now" >&2; exit 1; }

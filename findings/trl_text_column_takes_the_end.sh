#!/usr/bin/env bash
# Where TRL's SFTTrainer puts the end token of rows of `prompt` and `completion` that have a column `text` besides, as
# sets of instructions often do, with the whole of it written out.
#
# Versions: trl 1.15.0, transformers 5.17.0, datasets 4.8.5, torch 2.13.0, CPU.
# Expected: what is trained on ends with the end token, since TRL adds it to the completion where it is missing, so that
#           the model learns to stop; a column that is not trained on changes nothing.
# Seen:     the end token is added to `text`, and then `prompt` and `completion` are trained on, without one. Nothing is
#           said, the loss looks as always, and no row teaches a stop. Adding looks for `text` first, making tokens for
#           `prompt` first. Without the column, or with `dataset_text_field` set to a name that no column has, the end is
#           there. Rows of messages are not touched: their template writes it.
# Exit 0 while that is so, 1 when it has changed.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  trl==1.15.0 transformers==5.17.0 datasets==4.8.5 torch==2.13.0
cat > "$folder/check.py" <<'PY'
import sys

from datasets import Dataset, disable_progress_bars
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM
from trl import SFTConfig, SFTTrainer

disable_progress_bars()
WORDS = ["<|endoftext|>", "<|im_end|>", "?", "Capital", "of", "France", "Paris"]
words = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="?"))
words.pre_tokenizer = pre_tokenizers.Whitespace()
tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="<|im_end|>", pad_token="<|endoftext|>")
size = dict(vocab_size=8, hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, head_dim=8)
model = Qwen3ForCausalLM(Qwen3Config(num_key_value_heads=1, **size))
ROW = {"prompt": "Capital of France?", "completion": " Paris"}


def graded(row, **options):
    settings = SFTConfig(sys.argv[1], use_cpu=True, bf16=False, report_to="none", **options)
    made = SFTTrainer(model, settings, train_dataset=Dataset.from_list([row] * 4), processing_class=tokenizer)
    batch = made.data_collator([made.train_dataset[0]])
    return [WORDS[token] for token in batch["labels"][0].tolist() if token != -100]


whole = {**ROW, "text": ROW["prompt"] + ROW["completion"]}
found = [graded(ROW), graded(whole), graded(whole, dataset_text_field="no such column")]
for name, tokens in zip(["prompt, completion", "and text", "and text, dataset_text_field elsewhere"], found, strict=True):
    print(f"{name}: graded {tokens}")
sys.exit(found != [["Paris", "<|im_end|>"], ["Paris"], ["Paris", "<|im_end|>"]])
PY
OMP_NUM_THREADS=1 "$folder/venv/bin/python" "$folder/check.py" "$folder/trained" 2> "$folder/said" \
  || { cat "$folder/said" >&2; exit 1; }
! grep -iE "eos|end.of|<.im_end" "$folder/said" || { echo "a word about it is said now" >&2; exit 1; }

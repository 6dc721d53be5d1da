"""A run of TRL's own trainer, as a stranger would hand it in: nothing of ours wrote these files."""

import json
from pathlib import Path

import pytest

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def small_tokenizer(folder: Path) -> None:
    """Bytes as tokens, with Qwen3's control tokens; saved as transformers saves it."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE({sign: place for place, sign in enumerate(alphabet)}, []))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    made.add_special_tokens([AddedToken(one, special=True) for one in ("<|endoftext|>", "<|im_start|>", "<|im_end|>")])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)


@pytest.fixture(scope="session")
def trl_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a base and what SFTTrainer left behind 12 steps on it: adapter, checkpoints, state, arguments."""
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoTokenizer, Qwen3Config, Qwen3ForCausalLM
    from trl import SFTConfig, SFTTrainer

    from jobs.engines.training import trl_cpu

    trl_cpu.install(on_cpu=True)
    folder = tmp_path_factory.mktemp("trl")
    base, out = folder / "Tiny-Qwen3", folder / "out"
    small_tokenizer(base)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = Qwen3Config(vocab_size=260, num_key_value_heads=1, head_dim=16, tie_word_embeddings=True, **sizes)
    model = Qwen3ForCausalLM(config)
    model.generation_config.eos_token_id = [258]
    model.save_pretrained(base)
    said = [{"role": "user", "content": "Say so"}, {"role": "assistant", "content": "So."}]
    rows = Dataset.from_list([{"messages": said}] * 24)
    args = SFTConfig(
        output_dir=str(out), per_device_train_batch_size=2, max_steps=12, learning_rate=1e-3, logging_steps=1,
        eval_strategy="steps", eval_steps=4, save_steps=6, max_length=64, use_cpu=True, bf16=False, report_to="none",
        gradient_checkpointing=False, disable_tqdm=True,
    )  # fmt: skip
    trainer = SFTTrainer(
        model=str(base), args=args, train_dataset=rows, eval_dataset=rows.select(range(4)),
        processing_class=AutoTokenizer.from_pretrained(base),
        peft_config=LoraConfig(r=4, lora_alpha=8, use_rslora=True, target_modules="all-linear"),
    )  # fmt: skip
    trainer.train()
    trainer.save_model()
    trainer.save_state()
    (folder / "arguments.json").write_text(json.dumps(args.to_dict(), default=str))
    return folder

"""Hugging Face folders: the base model, its tokenizer, an adapter; loaded, scored, merged.

In: folders of safetensors. Out: what is in them, log-probabilities, answers, the merged folder and its proof. Stands
on `demo` and `gguf`; `training` and the stages import it.
"""

"""Hugging Face folders: the base model, its tokenizer, an adapter; taken, loaded, scored, merged, rows tokenized.

In: folders of safetensors, conversations. Out: token rows, what is in the folders, log-probabilities, answers, the
merged folder and its proof. Stands on `demo` and `gguf`; `training` and the stages import it.
"""

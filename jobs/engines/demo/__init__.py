"""The demo's base model and its tokenizer, made on the spot.

In: `logic/demo`'s text and the pinned llama.cpp's vocabulary. Out: a Hugging Face folder. Stands on no other engine;
`models` imports it.
"""

"""What a run will need, from what is on disk: the lengths of its rows, this machine, and runs that were measured here.

In: rows as `prepare` keeps them, a tokenizer that is here already, records of earlier runs. Out: the tables of `make
estimate`, `estimate.json`, and a refusal of what cannot fit. Downloads nothing and loads no model, so it answers in
seconds. Stands on `demo` (Qwen3's vocabulary), `gguf` (where it lies), `rows`; `jobs/__main__.py` imports it.
"""

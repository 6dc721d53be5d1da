"""Talking to a run's GGUF in a terminal, and serving it: through llama-server, with the settings that were measured.

In: a run and words of the command line. Out: answers on the terminal, an endpoint. Imports `gguf`, and `models` for the
base model beside the fine-tune; `python -m jobs` imports it.
"""

"""GGUF files and the pinned llama.cpp: its tools, its converter, its runtime and its server in child processes.

In: a GGUF or the folder it was made from. Out: header, tensors, differences, tokens, scores, text. Stands on no other
engine; `models` and the stages from `convert` on import it.
"""

"""The forgetting suite, asked: base and tune as GGUFs, each through a server of its own, and how far they drifted.

In: two GGUFs, a store of answers. Out: what both said to each item, with the divergence between them; the command
`forgetting`. Stands on `answering` and `gguf`, and on `chat` for which GGUF of a run is meant.
"""

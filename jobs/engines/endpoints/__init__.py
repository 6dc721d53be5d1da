"""Models behind OpenAI-compatible servers: asked once, tried again by our own rules, kept, counted, capped.

In: calls, servers or a GGUF, caps. Out: answers in a store beside the run, the ledger of what they cost, the facts of
the servers. Stands on `gguf`, whose llama-server serves where no other does; `synth` imports it.
"""

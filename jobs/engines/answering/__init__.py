"""A GGUF asked a list of prompts through our own llama-server: greedy, one slot, each answer kept and asked for once.

In: a GGUF, prompts as exact tokens or as messages. Out: one answer a prompt, in a store beside the run. Stands on
`gguf`; `judging`, `forgetting` and `comparing` import it.
"""

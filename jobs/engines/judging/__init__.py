"""A judge at work: its prompts from their files, the pairs of a run, what it said on disk, and facts counted from that.

In: answers of two models, a judge behind `endpoints`. Out: the files of the stage `judge`. Stands on `answering`,
`endpoints`, `gguf` and `synth` (rubrics); `comparing` imports it.
"""

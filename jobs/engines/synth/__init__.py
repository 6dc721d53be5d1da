"""Rows that a model made: asked for, looked at as any row is, joined to the training side.

In: the rows that `prepare` made, a person's corpus, a model's answers. Out: rows that stay and the reason of each that
goes; passages of a corpus. Stands on `rows`; `synth` imports it.
"""

"""More rows from a model: what is asked for, what of it is kept, and where every candidate ended.

In: rows of the training side as seeds, a function that asks a model. Out: plans, candidates with the reason why not,
scores, a funnel, how varied it all is. Stands on `endpoints`, `text` and a row's shape (`logic/row.py`);
`engines/synth`, `checks`, `pages` and `synth` import it.
"""

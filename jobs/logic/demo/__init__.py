"""The demo's world and its rows.

In: `data/demo/world.toml`. Out: articles, conversations about them, and the rows that were spoiled on purpose. Stands
on nothing else of this floor; `data/demo/make.py` and `engines/demo` import it.
"""

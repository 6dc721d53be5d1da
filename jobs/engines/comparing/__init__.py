"""Two models in real use, beside each other: asked the same, counted, shown; and people's votes on a blind sheet.

In: runs, folders or GGUFs, rows, votes. Out: a table, a page, a sheet and its key, in a folder of their own. Stands on
`gguf` and what else its commands ask; `python -m jobs` imports it.
"""

"""What people see: the report's story, its figures, the model card, the Modelfile, the preview's page.

In: facts of the stages as plain data. Out: plain data and SVG for templates, Markdown, commands. Stands on `chat`,
`rows`, `text` and a row's shape (`logic/row.py`); `parity`, which blames in words, `checks`,
`engines/pages` and the stages that show something import it.
"""

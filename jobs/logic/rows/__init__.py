"""From bytes to clean, split conversations.

In: lines of a file. Out: rows or the reason why not, keys and sketches to compare a million of them, which stay and
which are held out, counts. Stands on `text`, `form` and a row's shape (`logic/row.py`); `pages`, `engines/rows`,
`checks` and `prepare` import it.
"""

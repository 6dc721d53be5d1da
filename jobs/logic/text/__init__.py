"""What a text is: its signs, its language, what repeats in it, what is private, how alike two are.

In: one text. Out: what was found, what was mended. Stands on nothing else of this floor; `rows`, `form`, `parity` and
`pages` import it.
"""

"""The report and the model card, filled in, and the signature beside them.

In: what `logic/pages` made; a key and a digest. Out: one HTML page, one Markdown page; 64 bytes. Stands on no other
engine; `report` imports it.
"""

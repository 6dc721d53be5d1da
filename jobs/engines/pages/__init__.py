"""The report and the model card, filled in.

In: what `logic/pages` made. Out: one HTML page, one Markdown page. Stands on no other engine; `report` imports it.
"""

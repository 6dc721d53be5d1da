"""What the answers of a set are like as a whole, and which of them depart from that.

In: rows. Out: an array of traits per answer, a profile of the set, the reason why an answer departs. Stands on `text`
and on a row's shape (`logic/row.py`); `rows`, `engines/rows` and `prepare` import it.
"""

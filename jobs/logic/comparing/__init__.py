"""Two models beside each other: the blind sheet for people, its votes, what differs, in which order it is told.

In: pairs of answers, votes, measurements of two models on the same rows; rows of two arms in real use (`live*`). Out: a
sheet and its key, votes per rater and pooled, comparisons with intervals, a verdict, whether to stop. Stands on
`stats`, `judging`, `endpoints`, `parity`, `pages`, `row` and `text`; `engines/comparing` and `checks` import it.
"""

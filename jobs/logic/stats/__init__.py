"""How sure a figure is: intervals, exact tests, what a sample can show, agreement, intervals to look at every day.

In: outcomes by prompt with the cluster that each came from, counts, ratings. Out: values with their intervals,
p-values, the least difference that a sample can show; NaN where nothing can be said. The same seed gives the same.
Stands on nothing else of this floor; `judging` and `comparing` import it.
"""

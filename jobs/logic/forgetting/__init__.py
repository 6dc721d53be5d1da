"""What a fine-tune may have forgotten: the suite's items, the rules that check an answer, what their counts say.

In: items and answers of two models. Out: right or wrong by rule, paired counts with exact tests, words. Stands on
`stats`; `engines/forgetting` asks, `checks/forgetting.py` has the facts.
"""

"""How much of a fine-tune an artefact still has, how its answers behave, and which step lost something.

In: log-probabilities, generated texts, types of tensors. Out: divergence, retention with its interval, rates, the
step to blame. Stands on `text`; the engines that score and the gates that judge import it.
"""

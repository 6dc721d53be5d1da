"""What a training run is and needs, from its config alone.

In: a base model's `config.json`, LoRA's rank and targets, the schedule, the kinds of a row's tokens. Out: numbers of
weights and bytes, the layers that are adapted, the learning rate of every step, the tokens of prompts. Stands on
nothing else of this floor; `preflight`, `train` and their engines import it.
"""

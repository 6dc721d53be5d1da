"""What a training run will need, from its config alone.

In: a base model's `config.json`, LoRA's rank and targets, the schedule. Out: numbers of weights and bytes. Stands on
nothing else of this floor; `train` imports it.
"""

"""LoRA fine-tuning of token rows: the trainer, what happens around its steps, its processes.

In: preflight's rows and a base model. Out: the best adapter, the log, checkpoints on the way, what rows cost the
adapter that was saved. Stands on `models`; `train` imports it.
"""

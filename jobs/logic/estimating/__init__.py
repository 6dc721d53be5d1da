"""What a run will need, before anything is downloaded or rented: memory, disk and time of every stage, the cards.

In: a Qwen3's shape by its config values, how it is trained and measured, the tokens of its rows. Out: bytes and seconds
of every stage, part by part, what a card makes of them, the words that make it fit. Knows no model, no file and no
third party, so it answers where nothing is installed. Stands on `pages` (amounts), `parity` (quants), `training` (the
adapter's size, how rows are laid out); `checks/estimate.py`, stages and the engine `estimating` import it.
"""

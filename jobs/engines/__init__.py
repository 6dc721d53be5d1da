"""The only modules that import heavy packages; stages import them inside their functions."""

import os

# What these packages print on their own drowns what a stage says. Read when they are imported.
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

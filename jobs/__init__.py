"""kiwame: rows in, a GGUF out that is proven to be the model that was trained."""

import os

# OpenMP threads that wait by spinning starve each other on shared cores: a training step took several times as long.
# Read when the first library that uses OpenMP is loaded, so it is set before anything else here is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

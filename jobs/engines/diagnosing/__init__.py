"""What lies on disk, read for a diagnosis: what each file is, and what it says, as evidence.

In: a run of ours, or any files of anybody. Out: `logic/diagnosing`'s evidence; a file that cannot be read is one line
and costs nothing else. Reads only; runs no foreign code. Stands on `rows`, `models`, `gguf`.
"""

"""A stage in the image: the engine that runs it, what it sees of this machine, and the image itself.

In: words of the command line. Out: the exit code of a container; a built and checked image. Stands on `inside` and
`sources`; `make` and `doctor` call it.
"""

"""A run on a rented pod of RunPod.

In: `runpod.yaml` and words of the command line. Out: one pod, its log, its end, what it costs. Stands on `inside`,
which both sides read; `make pod-...` calls it.
"""

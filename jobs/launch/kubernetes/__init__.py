"""A run as a Kubernetes Job.

In: `k8s/` and words of the command line. Out: manifests, what kubectl was told, how the run stands. Stands on nothing
else of this floor; `make k8s-...` calls it.
"""

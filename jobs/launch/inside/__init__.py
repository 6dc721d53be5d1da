"""What runs first inside a container or a rented pod.

In: environment and words. Out: the stage's process, or one job within its hours and then the end of the pod. Standard
library and httpx2; stands on nothing else of this floor, `container` and `runpod` import it.
"""

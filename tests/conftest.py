"""Settings for all tests."""

import os

# Workers side by side with as many threads each as there are cores get in each other's way.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import HealthCheck, settings  # after the threads

# Machines differ: no test fails because one was slow.
settings.register_profile(
    "detailer", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("detailer")

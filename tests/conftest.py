"""Settings for all tests."""

from hypothesis import HealthCheck, settings

# Machines differ: no test fails because one was slow.
settings.register_profile(
    "detailer", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("detailer")

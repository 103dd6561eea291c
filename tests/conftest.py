"""How hypothesis searches: the same examples every time, or many more when asked (`make deep`)."""

from hypothesis import HealthCheck, settings

BUSY = [HealthCheck.too_slow]  # a busy machine is no failure
settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True, suppress_health_check=BUSY)
settings.register_profile("deep", max_examples=2_000, deadline=None, print_blob=True, suppress_health_check=BUSY)
settings.load_profile("ci")

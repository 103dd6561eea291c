"""How hypothesis searches: the same examples every time, or many more when asked (`make deep`)."""

from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("deep", max_examples=2_000, deadline=None, print_blob=True)
settings.load_profile("ci")

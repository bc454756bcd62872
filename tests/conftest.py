"""Settings of the whole test suite."""

from hypothesis import settings

# Machines are shared and noisy: no example fails for being slow, and every run tries the same examples.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")

"""Settings of the whole test suite."""

import signal

from hypothesis import settings

# Machines are shared and noisy: no example fails for being slow, and every run tries the same examples.
settings.register_profile("suite", deadline=None, derandomize=True)
settings.load_profile("suite")
# A shell lets what it starts in the background ignore Ctrl-C, which some tests send.
signal.signal(signal.SIGINT, signal.default_int_handler)

"""Timings of this package: ``python -m benchmarks``, or ``make bench``."""

"""Data sets whose flaws are known, for `benchmarks/audit.py`."""

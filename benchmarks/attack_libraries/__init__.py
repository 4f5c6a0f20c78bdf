"""The libraries that `benchmarks/attacks.py` measures, each behind the same function."""

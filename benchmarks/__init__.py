"""What a call costs, beside the least it could cost: ``python -m benchmarks``."""

"""Months of the operator's deliveries within minutes, under faults drawn from a seed: `python -m tests.soak`."""

"""Embedded servers and a synthetic operator: the demo, and the tests' first peers."""

"""What the tests read, with the expected results."""

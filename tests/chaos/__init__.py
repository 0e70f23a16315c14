"""Many users, and everything that can break breaking: `python -m tests.chaos`."""

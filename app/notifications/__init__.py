"""The truth: each user's numbered inbox."""

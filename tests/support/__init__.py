"""What the tests are built with: real processes, real clients, waiting with a deadline."""

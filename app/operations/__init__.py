"""What operators see: measurements, and whether the parts around a process do their work."""

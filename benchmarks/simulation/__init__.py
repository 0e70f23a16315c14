"""The parts of `benchmarks/simulate.py`: what users do, what is kept of it, how it is shown."""

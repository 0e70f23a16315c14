"""Ringback on one machine: Postgres and Valkey out of wheels, and every process of its own.

`Servers` (in `servers.py`) is the one way to start real servers: `make run`, the tests and the
benchmarks all use it.
"""

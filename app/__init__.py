"""Ringback: slow work for signed-in users, and a ring in the browser when it is done."""

__version__ = "0.1.0"

"""Holds the documentation and the code together."""

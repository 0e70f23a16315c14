"""Faults at chosen points of real processes, and the audit that follows each of them."""

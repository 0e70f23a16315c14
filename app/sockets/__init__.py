"""Browsers in: handshake, connection outbox, acknowledgement, token refresh, reconcile."""

"""The hint: room and event names, and the publisher that sends them through Redis."""

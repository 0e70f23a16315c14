"""What goes out: the hint (room and event names, the publisher that sends them through Redis), and mail."""

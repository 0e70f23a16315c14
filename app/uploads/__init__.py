"""Files that users send for their jobs to read: checked when they come, kept for some days."""

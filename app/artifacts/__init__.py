"""Result files: the store protocol, its implementations and the table that knows the files."""

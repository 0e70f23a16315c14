"""Job types: pure work, one file a type. A new type is one new file here and nothing else."""

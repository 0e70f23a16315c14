"""Writing tables as Excel workbooks: ours, and what else writes them.

`suite` is what `benchmarks.comparison` runs; `rows` are what is written, `sources` where they come
from, `child` and `node/` are the processes that are measured, `check` reads their files.
"""

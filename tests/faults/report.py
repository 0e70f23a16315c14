"""`python -m tests.faults.report FILE`: fault -> longest time from its end to the last job's end.

FILE is what the variable FAULTS_REPORT named in one or more runs of the tests.
"""

import sys
from collections import defaultdict
from pathlib import Path


def table(text: str) -> str:
    """Markdown, the slowest first."""
    times: defaultdict[str, list[float]] = defaultdict(list)
    for line in text.splitlines():
        name, _, seconds = line.rpartition("\t")
        times[name].append(float(seconds))
    head = ["| fault | runs | longest, s |", "| --- | ---: | ---: |"]
    slowest_first = sorted(times.items(), key=lambda each: (-max(each[1]), each[0]))
    rows = [f"| {sentence(name)} | {len(runs)} | {max(runs):.1f} |" for name, runs in slowest_first]
    return "\n".join([*head, *rows])


def sentence(name: str) -> str:
    """`test_of_two_claims[eventlet]` -> `of two claims [eventlet]`."""
    words, bracket, case = name.removeprefix("test_").partition("[")
    return words.replace("_", " ") + (f" [{case}" if bracket else "")


if __name__ == "__main__":
    print(table(Path(sys.argv[1]).read_text()))  # noqa: T201

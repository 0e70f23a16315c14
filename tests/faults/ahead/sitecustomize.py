"""Read at the start of each process under libfaketime.

Its `clock_nanosleep` refuses (EINVAL) what `time.sleep` asks of it since Python 3.11: a time of the
monotonic clock, which it takes for one of the clock that it moves.
"""

import select
import time


def sleep(seconds: float) -> None:
    select.select([], [], [], seconds)


time.sleep = sleep

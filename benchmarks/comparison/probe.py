"""What a measured process uses: it measures its own work proper and says so in a line of JSON.

A contender in another language prints the same line: see `running.read`.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

STATUS = Path("/proc/self/status")
_KIB = 1024


def measure(work: Callable[[], dict[str, float] | None]) -> None:
    """Do the work and print what it took.

    Args:
        work: may return more figures, such as sizes.
    """
    before = resident()
    cpu, begin = _cpu_seconds(), time.perf_counter()
    extra = work()
    seconds, cpu_seconds = time.perf_counter() - begin, _cpu_seconds() - cpu
    line = {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "memory_before": before,
        "memory_peak": peak(),
        "extra": extra or {},
    }
    print(json.dumps(line))


def resident() -> int:
    """Resident bytes now; where the system does not tell, the most there ever were."""
    return _status("VmRSS") or _largest()


def peak() -> int:
    """The most resident bytes there ever were.

    Not `ru_maxrss` where it can be helped: on Linux that begins with what the parent had.
    """
    return _status("VmHWM") or _largest()


def _cpu_seconds() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in usages)


def _status(name: str) -> int:
    """A size out of the kernel's report on this process; 0 if there is none."""
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        return 0
    found = next((line for line in lines if line.startswith(f"{name}:")), f"{name}: 0")
    return int(found.split()[1]) * _KIB


def _largest() -> int:
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * _KIB

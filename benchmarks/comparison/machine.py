"""On what was measured."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil


def about() -> dict[str, Any]:
    """The machine and the day, as JSON values."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "system": platform.system(),
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9),
        # Of others as well: what was measured beside much work of others is worth less.
        "load": round(os.getloadavg()[0], 2),
    }


def sentence(about: dict[str, Any]) -> str:
    """The same for people."""
    return (
        f"Measured on {about['date']}: {about['processor']}, {about['cores']} cores, "
        f"{about['memory_gb']} GB, {about['system']}, Python {about['python']}; "
        f"load before: {about['load']}."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()

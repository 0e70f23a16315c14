"""A store of uploads that a test holds up: the setting `collaborators` names `replace`.

It waits for a lock of the system, which holds up the whole thread, and all that runs on it: the
engines' green threads know nothing of it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace as with_changes
from pathlib import Path
from typing import Any

from app.artifacts.local import LocalArtifactStore
from app.artifacts.store import Writing
from app.services import Services

FILE = "TEST_GATE"
"""Variable with the path of the gate."""


class GatedStore(LocalArtifactStore):
    """Writes nothing while the gate is shut."""

    @contextmanager
    def write(self, *arguments: Any) -> Iterator[Writing]:  # type: ignore[override]  # as it is
        gate = Path(os.environ[FILE])
        gate.with_suffix(".reached").touch()
        with gate.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH)
        with super().write(*arguments) as writing:
            yield writing


def replace(services: Services) -> Services:
    """See `app.factory.default_services`."""
    return with_changes(services, uploads=GatedStore(services.settings.effective_upload_dir))


@contextmanager
def shut(gate: Path) -> Iterator[Path]:
    """Holds up whoever writes; gives the file that is there once somebody has come to the gate."""
    with gate.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield gate.with_suffix(".reached")

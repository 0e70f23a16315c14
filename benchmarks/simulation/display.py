"""What is to be seen while it runs: a table in a terminal, lines elsewhere."""

import time
from types import TracebackType

from rich import box
from rich.console import Console
from rich.live import Live
from rich.table import Table

from benchmarks.simulation.ledger import Ledger

LINE_SECONDS = 5.0


class Display:
    """Use it as a context manager, from one thread.

    Args:
        console: where to.
        ledger: what is shown.
    """

    def __init__(self, console: Console, ledger: Ledger) -> None:
        self._console, self._ledger = console, ledger
        self._phase, self._line_due = "", 0.0
        self._live = Live(console=console, auto_refresh=False, transient=True)

    def __enter__(self) -> "Display":
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def show(self, phase: str, note: str) -> None:
        """Show where things stand.

        Args:
            phase: what goes on; a new one is written at once.
            note: what changes within it.
        """
        if self._console.is_terminal:
            self._live.update(self._table(f"{phase}: {note}"), refresh=True)
        elif phase != self._phase or time.monotonic() >= self._line_due:
            self._phase, self._line_due = phase, time.monotonic() + LINE_SECONDS
            self._console.print(f"{phase}: {note}; {self._counts()}", highlight=False)

    def _counts(self) -> str:
        errors = sum(self._ledger.errors.values())
        return f"{len(self._ledger.jobs)} accepted, {len(self._ledger.rings)} rung, {errors} errors"

    def _table(self, title: str) -> Table:
        table = Table(
            title=title, title_justify="left", box=box.SIMPLE_HEAD, caption=self._counts()
        )
        table.add_column("kind", min_width=16)
        for name in ("accepted", "rung", "downloaded"):
            table.add_column(name, justify="right", min_width=10)
        for kind, jobs in self._ledger.by_kind().items():
            rung = sum(job_id in self._ledger.rings for job_id, _ in jobs)
            files = sum(record.download is not None for _, record in jobs)
            table.add_row(kind, str(len(jobs)), str(rung), str(files))
        return table

"""Users who sign in, submit a mix of jobs, listen, acknowledge and download; then what it took.

    make run                                       # in one terminal
    make simulate                                  # in another, on the same machine
    .venv/bin/python benchmarks/simulate.py --help

The users are made by an administrator, whom RINGBACK_EMAIL and RINGBACK_PASSWORD name (in development:
the demo administrator), and are disabled in the end. Times from the writing of a notification (the
begin of its transaction) to the ring need clocks that agree. Exit status: 0 if all is well, 1 if a ring
or job was lost or told twice, or nothing could be tried, 2 for options that cannot be, also a file that
cannot be written, 130 after Ctrl-C.
"""

import argparse
import ipaddress
import json
import os
import secrets
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console

# So that the file can be run as it is.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.client import RingbackError
from benchmarks.simulation import chart, figures, mix
from benchmarks.simulation.admin import Admin
from benchmarks.simulation.display import Display
from benchmarks.simulation.ledger import Ledger
from benchmarks.simulation.people import PATIENCE_SECONDS, RING_SECONDS, Person, Phases, Plan

DEMO_ADMIN = ("administrator@test.com", "password1")
LOST, UNUSABLE, INTERRUPTED = 1, 2, 130
LOOK_SECONDS = 0.2
PLAIN_WIDTH = 120


class Simulation:
    """One run. Use it from the main thread.

    Args:
        options: the command line.
        admin: who makes the users.
        plan: what they do.
        console: where to show it.
    """

    def __init__(
        self, options: argparse.Namespace, admin: Admin, plan: Plan, console: Console
    ) -> None:
        self.ledger = Ledger()
        self.phases = Phases()
        self.interrupted = threading.Event()
        self._options, self._console = options, console
        numbers = range(1, options.users + 1)
        self.people = [Person(each, plan, admin, self.ledger, self.phases) for each in numbers]

    def run(self) -> None:
        """Until all users have left, or the time for it is over; Ctrl-C makes it short."""
        options = self._options
        for person in self.people:
            person.start()
        with Display(self._console, self.ledger) as display:
            self._wait("Signing in", display, PATIENCE_SECONDS * 2, self._all_ready)
            self.phases.begin.set()
            self._wait("Running", display, options.seconds, self._all_gone)
            self.phases.over.set()
            longest = options.drain + RING_SECONDS + PATIENCE_SECONDS
            self._wait("Waiting for ends", display, longest, self._all_gone, hurried=True)
        self._judge()

    def interrupt(self, *_: object) -> None:
        """Ctrl-C: no more requests, no more waiting; a second one ends at once."""
        if self.interrupted.is_set():
            raise KeyboardInterrupt
        self.interrupted.set()
        for phase in (self.phases.hurry, self.phases.over, self.phases.begin):
            phase.set()

    def _wait(
        self,
        phase: str,
        display: Display,
        seconds: float,
        is_over: Callable[[], bool],
        *,
        hurried: bool = False,
    ) -> None:
        deadline = time.monotonic() + seconds
        while not is_over() and (left := deadline - time.monotonic()) > 0:
            if self.interrupted.is_set() and not hurried:
                return
            ready = sum(person.is_ready.is_set() for person in self.people)
            display.show(phase, f"{ready} of {len(self.people)} users, {left:.0f} s left at most")
            time.sleep(min(LOOK_SECONDS, left))

    def _all_ready(self) -> bool:
        return all(person.is_ready.is_set() for person in self.people)

    def _all_gone(self) -> bool:
        return not any(person.is_alive() for person in self.people)

    def _judge(self) -> None:
        for finding in self.ledger.told_twice():
            self.ledger.found(finding)
        for person in self.people:
            if not person.is_audited and self.ledger.of(person.email):
                self.ledger.found(f"not audited: what became of the jobs of {person.email}")
        if not self.ledger.jobs and not self.interrupted.is_set():
            self.ledger.found("no job was accepted, so nothing was tried")


def _between(kind: type[int] | type[float], least: float, most: float) -> Callable[[str], Any]:
    def check(text: str) -> float:
        value = kind(text)
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not from {least:g} to {most:g}")
        return value

    check.__name__ = "number"
    return check


def _mix(text: str) -> dict[str, float]:
    try:
        return mix.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line; ends the process with status 2 if it cannot be."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--url", default="http://localhost:5005", help="of the server")
    parser.add_argument(
        "--allow-remote", action="store_true", help="let the URL name another machine than this one"
    )
    parser.add_argument("--users", type=_between(int, 1, 100), default=10, help="1 to 100 (10)")
    parser.add_argument(
        "--seconds", type=_between(float, 1, 3600), default=30, help="1 to 3600 (30)"
    )
    parser.add_argument(
        "--think",
        type=_between(float, 0.1, 600),
        default=2,
        help="mean pause of a user between two requests, seconds, 0.1 to 600 (2)",
    )
    parser.add_argument(
        "--drain",
        type=_between(float, 0, 600),
        default=60,
        help="how long the ends of jobs are waited for, seconds, 0 to 600 (60)",
    )
    parser.add_argument(
        "--mix", type=_mix, default=mix.DEFAULT_MIX, help=f"shares by kind ({mix.DEFAULT_MIX})"
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same requests (1)")
    parser.add_argument("--chart", type=Path, default=Path("simulation.png"), help="PNG to write")
    parser.add_argument("--json", type=Path, help="write the figures into this file as well")
    options = parser.parse_args(arguments)
    if not (options.allow_remote or _is_here(options.url)):
        parser.error(f"{options.url} is not on this machine; --allow-remote says that it is meant")
    return options


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _administrator(options: argparse.Namespace) -> tuple[str, str]:
    email, password = os.environ.get("RINGBACK_EMAIL"), os.environ.get("RINGBACK_PASSWORD")
    if email and password:
        return email, password
    if not _is_here(options.url):
        raise SystemExit("Say who makes the users: RINGBACK_EMAIL and RINGBACK_PASSWORD.")
    return DEMO_ADMIN


def _make_plan(
    options: argparse.Namespace, admin: Admin, folder: str, console: Console
) -> Plan | None:
    chosen, left_out = mix.choose(options.mix, admin.examples())
    for name in left_out:
        console.print(f"Left out, for the server does not offer it: {name}", highlight=False)
    if chosen is None:
        return None
    run = secrets.token_hex(4)
    return Plan(options.url, run, chosen, options.think, options.drain, options.seed, Path(folder))


def _report(
    simulation: Simulation, admin: Admin, plan: Plan, options: argparse.Namespace, console: Console
) -> int:
    found = figures.figures(simulation.ledger)
    console.print(figures.tables(found))
    unwritten = _write(simulation.ledger, {"run": plan.run, **found}, options, console)
    for email in admin.left_behind:
        console.print(f"Could not be disabled: {email}", highlight=False)
    for finding in found["findings"]:
        console.print(finding, style="bold red", highlight=False)
    if found["findings"]:
        return LOST
    is_open = sum(record.state == "open" for record in simulation.ledger.jobs.values())
    ended = len(simulation.ledger.jobs) - is_open
    console.print(
        f"{ended} jobs have ended and were told, once; {is_open} are open.", highlight=False
    )
    if is_open:
        console.print("For those that are open, a longer --drain waits.", highlight=False)
    if simulation.interrupted.is_set():
        return INTERRUPTED
    return UNUSABLE if unwritten else 0


def _write(
    ledger: Ledger, found: dict[str, Any], options: argparse.Namespace, console: Console
) -> bool:
    """Write the files that are asked for; whether one could not be written, which loses no verdict."""
    files: list[tuple[Path | None, Callable[[], object]]] = [
        (options.chart if ledger.jobs else None, lambda: _draw(ledger, options)),
        (options.json, lambda: options.json.write_text(json.dumps(found, indent=2) + "\n")),
    ]
    unwritten = False
    for path, write in files:
        try:
            if path:
                write()
                console.print(f"Written: {path}", highlight=False, soft_wrap=True)
        except OSError as error:
            unwritten = True
            problem = f"Could not be written: {path} ({error.strerror})"
            console.print(problem, highlight=False, soft_wrap=True)
    return unwritten


def _draw(ledger: Ledger, options: argparse.Namespace) -> None:
    title = f"{options.users} users, {options.seconds:g} s, {len(ledger.jobs)} jobs"
    chart.draw(figures.series(ledger), title, options.chart)


def main() -> int:
    """Run it; returns the exit status."""
    options = parse()
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    admin = Admin(options.url, *_administrator(options))
    with tempfile.TemporaryDirectory(
        prefix="ringback-simulation-", ignore_cleanup_errors=True
    ) as folder:
        try:
            plan = _make_plan(options, admin, folder, console)
        except RingbackError as error:
            console.print(f"The administrator cannot sign in: {error}", highlight=False)
            return LOST
        if plan is None:
            console.print("Nothing is left of the mix.", highlight=False)
            return UNUSABLE
        simulation = Simulation(options, admin, plan, console)
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, simulation.interrupt)
        simulation.run()
        admin.close()
        return _report(simulation, admin, plan, options, console)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)

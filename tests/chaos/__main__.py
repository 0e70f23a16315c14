"""`python -m tests.chaos`: see `CONTRIBUTING.md`.

Exit status: 0 if nothing was lost, 1 if something was (or the run broke down), 3 if the run saw too
little to say so, 130 if it was interrupted.
"""

import argparse
import random
import shutil
import signal
import sys
import tempfile
import traceback
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.run import Run, Wanted
from tests.chaos.table import FULL_MINUTES, Minimums

PASSED, LOST, DOES_NOT_COUNT, INTERRUPTED = 0, 1, 3, 130
SHOWN = 30


def main() -> int:
    """Run once; returns the exit status."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    wanted = _wanted()
    folder = Path(tempfile.mkdtemp(prefix="ringback-chaos-"))
    folder.chmod(0o711)  # Postgres may have to run as another user
    print(f"Chaos: {wanted.minutes:g} minutes, {wanted.users} users. {_again(wanted)}")  # noqa: T201
    print(_minimums(wanted.minutes))  # noqa: T201
    status = _run(wanted, folder)
    if status == PASSED:
        shutil.rmtree(folder)
    else:
        print(f"Logs and data: {folder}\n{_again(wanted)}")  # noqa: T201
    return status


def _run(wanted: Wanted, folder: Path) -> int:
    with ExitStack() as stack:
        run = Run(wanted, folder, stack)
        try:
            table = run.do()
        except KeyboardInterrupt:
            print("Interrupted; ending everything.")  # noqa: T201
            return INTERRUPTED
        except Exception:  # noqa: BLE001  # whatever it is, the run has failed, and what was found counts
            traceback.print_exc()
            run.findings.append("the run broke down")
            table = ""
        stack.close()  # the logs are looked at when everything has ended
        (folder / "findings").write_text("\n".join(run.findings))
        return judge(run, table)


def judge(run: Run, table: str) -> int:
    """Print what came out; returns the exit status."""
    print(table)  # noqa: T201
    if run.findings:
        more = ["and more: see the file `findings`"] if len(run.findings) > SHOWN else []
        shown = [f"- {each}" for each in [*run.findings[:SHOWN], *more]]
        print(f"FAILED, {len(run.findings)} findings:", *shown, sep="\n")  # noqa: T201
        return LOST
    if run.missed:
        print("Nothing was lost, but this run DOES NOT COUNT: " + "; ".join(run.missed))  # noqa: T201
        return DOES_NOT_COUNT
    print("PASSED: nothing was lost.")  # noqa: T201
    return PASSED


def _wanted() -> Wanted:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="at least 1; default: 10")
    parser.add_argument("--seed", type=int, help="default: another one each time")
    parser.add_argument("--users", type=int, default=50, help="at least 2; default: 50")
    given = parser.parse_args()
    if given.minutes < 1 or given.users < 2:
        parser.error("at least 1 minute and 2 users")
    seed = random.randrange(1_000_000) if given.seed is None else given.seed
    return Wanted(given.minutes, seed, given.users)


def _again(wanted: Wanted) -> str:
    times = f"MINUTES={wanted.minutes:g} SEED={wanted.seed} USERS={wanted.users}"
    return f"The same schedule again: make chaos {times}"


def _minimums(minutes: float) -> str:
    least = Minimums.of(minutes)
    full = Minimums.of(FULL_MINUTES)
    scaled = (
        f" ({full.jobs} and {full.kills} in {FULL_MINUTES:g} minutes, in proportion in fewer)"
        if least != full
        else ""
    )
    kills = f"{least.kills} kill{'s' if least.kills > 1 else ''} of each kind of process"
    return f"It counts with at least {least.jobs} accepted jobs and {kills}{scaled}."


if __name__ == "__main__":
    sys.exit(main())

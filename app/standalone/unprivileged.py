"""How to run a program that refuses to run as root or as a user without a name, whoever calls."""

import os
import pwd
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

from app.standalone.folder import StandaloneError
from app.standalone.launch import NOBODY

LAUNCHER = Path(__file__).with_name("launch.py")


class RunAs(StrEnum):
    """Whom a program runs as (see `launch.py`)."""

    SAME = "same"
    NAMESPACE = "namespace"
    SETUID = "setuid"


def choose(program: Path, folder: Path) -> RunAs:
    """The way to run `program` in `folder`, as anybody but root, and with a name.

    A user namespace comes first: it also works below a home that nobody else may enter.

    Args:
        program: understands `--version`.
        folder: exists and belongs to the caller; opened to passers-by if `SETUID` needs it.

    Raises:
        StandaloneError: no way works on this system.
    """
    uid = os.geteuid()
    if uid != 0 and _has_name(uid):
        return RunAs.SAME
    if _works(RunAs.NAMESPACE, program, folder):
        return RunAs.NAMESPACE
    if uid != 0:
        raise StandaloneError(
            f"{program.name.capitalize()} needs a user with a name, and uid {uid} has none on this "
            "system (see /etc/passwd). Run Ringback as a user who has one."
        )
    return _choose_setuid(program, folder)


def _choose_setuid(program: Path, folder: Path) -> RunAs:
    folder.chmod(0o711)
    folder.parent.chmod(folder.parent.stat().st_mode | 0o011)
    if _works(RunAs.SETUID, program, folder):
        return RunAs.SETUID
    raise StandaloneError(
        f"{program.name.capitalize()} refuses to run as root. This system permits no user "
        f"namespaces, and uid {NOBODY} cannot reach {program} or {folder}. Run Ringback as an "
        "ordinary user, or move its checkout to a folder that other users may enter (/srv, /opt)."
    )


def hand_over(folder: Path, run_as: RunAs) -> None:
    """Give `folder` and all in it to the user whom the program runs as.

    Root may have run it the other way last time.
    """
    if os.geteuid() != 0:
        return
    owner = NOBODY if run_as is RunAs.SETUID else 0
    if folder.stat().st_uid == owner:
        return
    for parent, folders, files in os.walk(folder):
        for name in [*folders, *files]:
            os.chown(Path(parent, name), owner, owner, follow_symlinks=False)
    os.chown(folder, owner, owner)


def command_line(command: list[str], run_as: RunAs, when_orphaned: int) -> list[str]:
    """`command` through the launcher, as a child of this process.

    Args:
        command: an absolute path and its arguments.
        run_as: whom it runs as.
        when_orphaned: the signal it gets if this process ends abruptly.
    """
    interpreter = [sys.executable, "-I", "-S", str(LAUNCHER)]
    return [*interpreter, run_as.value, str(int(when_orphaned)), str(os.getpid()), *command]


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _works(run_as: RunAs, program: Path, folder: Path) -> bool:
    script = 'cd "$1" && exec "$2" --version'
    trial = ["/bin/sh", "-c", script, "sh", str(folder), str(program)]
    return (
        subprocess.run(command_line(trial, run_as, 9), capture_output=True, check=False).returncode
        == 0
    )

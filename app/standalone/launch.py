"""Become another program that ends with its parent and, if told so, does not run as root.

    python -I -S launch.py METHOD SIGNAL PARENT PROGRAM [ARGUMENT …]

METHOD is `same` (run as whoever calls), `namespace` (as uid 65534 inside a user namespace; outside
it the files stay the caller's) or `setuid` (as uid 65534). SIGNAL is the number sent to PROGRAM
when its parent, whose process id is PARENT, ends abruptly; Linux only, elsewhere it is left out.

A process of its own rather than `preexec_fn`, which may dead-lock once there are threads. The
kernel's "parent" is the *thread* that started this one: start servers in a thread that stays.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

NOBODY = 65534
CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Read the command line and become the program; never returns."""
    method, signal_number, parent, *command = arguments
    if method == "namespace":
        enter_user_namespace()
    elif method == "setuid":
        become_nobody()
    if sys.platform == "linux":
        die_with_parent(int(signal_number), int(parent))
    os.execv(command[0], command)


def die_with_parent(signal_number: int, parent: int) -> None:
    """Have the kernel send `signal_number` to this process once its parent ends.

    Args:
        parent: process id of the parent; this process ends at once if that one is gone already.
    """
    _libc_call("prctl", PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def enter_user_namespace() -> None:
    """Go on as uid and gid 65534 in a namespace of this process' own.

    Raises:
        OSError: the system permits no user namespaces.
    """
    uid, gid = os.geteuid(), os.getegid()
    _libc_call("unshare", CLONE_NEWUSER)
    here = Path("/proc/self")
    (here / "setgroups").write_text("deny")
    (here / "gid_map").write_text(f"{NOBODY} {gid} 1")
    (here / "uid_map").write_text(f"{NOBODY} {uid} 1")


def become_nobody() -> None:
    """Give up root for good.

    Raises:
        OSError: this process is not root.
    """
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def _libc_call(name: str, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.exit(f"launch: {error}")

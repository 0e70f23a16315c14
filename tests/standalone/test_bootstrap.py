"""The set-up of a fresh clone, on a small project of the same shape (the real one takes minutes).

Nothing here needs the network: the small project pins no package.
"""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.standalone import bootstrap
from tests.standalone.support import ROOT
from tests.support.node import node

SCRIPT = Path("app/standalone/bootstrap.py")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project that was set up once; copy it to spoil it."""
    project = new_project(tmp_path_factory.mktemp("prepared") / "a project")
    done = call(project, "run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ringback would run" in done.stdout
    return project


@pytest.fixture
def project(prepared: Path, tmp_path: Path) -> Path:
    """The small project as it is after one set-up, in a path with a space."""
    return Path(shutil.copytree(prepared, tmp_path / "a project", symlinks=True))


def new_project(folder: Path) -> Path:
    """The real bootstrap in a project that pins nothing and only says that it runs."""
    (folder / SCRIPT.parent).mkdir(parents=True)
    shutil.copy(ROOT / SCRIPT, folder / SCRIPT)
    (folder / "app/standalone/__main__.py").write_text("print('Ringback would run')")
    (folder / "requirements").mkdir()
    for name in ("standalone", "dev"):
        (folder / f"requirements/{name}.txt").write_text(f"# {name}\n")
    package = {"name": "small", "version": "1.0.0"}
    lock = {**package, "lockfileVersion": 3, "requires": True, "packages": {"": package}}
    (folder / "package.json").write_text(json.dumps(package))
    (folder / "package-lock.json").write_text(json.dumps(lock))
    (folder / "node_modules").mkdir()
    return folder


def call(project: Path, name: str) -> subprocess.CompletedProcess[str]:
    """Run the bootstrap as the Makefile does; where the system has no npm, with our wheel's."""
    places = [str(Path(node()).parent), os.environ["PATH"]]
    environment = {**os.environ, "PATH": os.pathsep.join(places)}
    return subprocess.run(
        [sys.executable, str(SCRIPT), name],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_second_time_nothing_is_installed(project: Path) -> None:
    done = call(project, "run")
    assert done.stdout == "Ringback would run\n"
    assert done.stderr == ""


def test_changed_pins_are_installed(project: Path) -> None:
    (project / "requirements/standalone.txt").write_text("# other\n")
    assert "Installing what requirements/standalone.txt pins" in call(project, "run").stdout
    assert call(project, "run").stdout == "Ringback would run\n"


def test_what_tests_need_includes_what_a_run_needs(project: Path) -> None:
    assert "Installing what requirements/dev.txt pins" in call(project, "dev").stdout
    assert call(project, "run").stdout == "Ringback would run\n"
    assert call(project, "dev").stdout == ""


def test_an_unpinned_package_is_refused(project: Path) -> None:
    (project / "requirements/standalone.txt").write_text("flask==3.1.3\n")
    done = call(project, "run")
    assert done.returncode == 1
    assert "pip could not install requirements/standalone.txt" in done.stderr


@pytest.mark.parametrize("damage", ["cut off", "no interpreter", "no pip", "empty"])
def test_a_half_made_environment_is_made_anew(project: Path, damage: str) -> None:
    venv = project / ".venv"
    if damage == "cut off":
        (venv / "unfinished").touch()
    elif damage == "no interpreter":
        (venv / "bin/python").unlink()
        (venv / "bin/python").symlink_to("/nowhere/python3")
    elif damage == "no pip":
        shutil.rmtree(next(venv.glob("lib/python*/site-packages/pip")))
    else:
        shutil.rmtree(venv)
        venv.mkdir()
    done = call(project, "run")
    assert done.returncode == 0, done.stderr
    assert "making it anew" in done.stdout
    assert call(project, "run").stdout == "Ringback would run\n"


def test_lost_browser_assets_are_fetched_again(project: Path) -> None:
    shutil.rmtree(project / "node_modules")
    (project / "node_modules").mkdir()
    assert "Fetching the Socket.IO client" in call(project, "run").stdout
    assert call(project, "run").stdout == "Ringback would run\n"


def test_a_python_without_venv_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Debian's python3 comes without `ensurepip` until python3-venv is installed."""
    find = bootstrap.importlib.util.find_spec
    monkeypatch.setattr(
        bootstrap.importlib.util, "find_spec", lambda name: name != "ensurepip" and find(name)
    )
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / ".venv")
    with pytest.raises(bootstrap.Problem, match=r"apt install python3\.\d+-venv"):
        bootstrap.make_venv()
    assert not (tmp_path / ".venv").exists()


def test_an_old_python_without_a_newer_one_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2, "final", 0))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(bootstrap.Problem, match=r"needs Python 3\.11 or newer; python3 is 3\.9\.2"):
        bootstrap.use_new_python()


def test_an_old_python_hands_over_to_a_newer_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that is there but does not work (a version manager's shim) is passed over."""
    (tmp_path / "python3.13").symlink_to("/bin/false")
    (tmp_path / "python3.12").symlink_to(sys.executable)
    became: list[list[str]] = []
    monkeypatch.setattr(bootstrap.os, "execv", lambda path, words: became.append([path, *words]))
    monkeypatch.setattr(bootstrap.sys, "version_info", (3, 9, 2, "final", 0))
    monkeypatch.setattr(bootstrap.sys, "argv", ["bootstrap.py", "run"])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(bootstrap.Problem):  # execv comes back here, as it never does
        bootstrap.use_new_python()
    new = str(tmp_path / "python3.12")
    assert became == [[new, new, "bootstrap.py", "run"]]


def test_the_script_can_be_read_by_an_old_python() -> None:
    tree = ast.parse((ROOT / SCRIPT).read_text(), feature_version=(3, 7))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported == {"pathlib"}


def test_two_set_ups_at_once_wait_for_each_other(project: Path) -> None:
    (project / ".venv/unfinished").touch()
    command = [sys.executable, str(SCRIPT), "run"]
    both = [
        subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    outputs = [each.communicate()[0] for each in both]
    assert [each.returncode for each in both] == [0, 0]
    assert sum("making it anew" in output for output in outputs) == 1
    assert all(output.endswith("Ringback would run\n") for output in outputs)


def test_an_unknown_set_up_shows_how_to_call_it(project: Path) -> None:
    done = call(project, "everything")
    assert done.returncode == 2
    assert "bootstrap.py run" in done.stderr

"""The examples of the pages work as they stand."""

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import openpyxl
import pytest

from app.job_types import registry
from tests.docs.pages import ROOT, blocks
from tests.job_types.recording import RecordingContext
from tests.support.api import Api
from tests.support.node import node
from tests.support.stack import Stack
from tests.support.waiting import wait_for

LISTEN = """
import { listen } from "./client.mjs";
const [url, token] = process.argv.slice(2);
listen(url, () => token, 0, ({ seq, job_id }) => console.log(JSON.stringify([seq, job_id])));
"""


def test_the_job_type_of_the_readme_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = blocks("README.md", "python")
    package = tmp_path / "types_of_the_readme"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "squares.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()

    (squares,) = registry.load(["types_of_the_readme"])
    assert (squares.name, squares.title) == ("squares", "Square numbers")
    context = RecordingContext(tmp_path / "artifacts")
    parameters = registry.JobTypes.validate(squares, {"count": 1200})
    assert squares.run(context, parameters) == {"rows": 1200}
    assert context.reports[-1] == (1.0, "1,200 of 1,200 rows")
    rows = list(openpyxl.load_workbook(context.path())["Squares"].values)
    assert rows[0] == ("Number", "Square")
    assert rows[1:] == [(number, number**2) for number in range(1, 1201)]


def test_the_job_type_of_the_readme_passes_the_linters(tmp_path: Path) -> None:
    (text,) = blocks("README.md", "python")
    for command in (["check"], ["format", "--check", "--diff"]):
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "ruff",
                *command,
                "--stdin-filename",
                "app/job_types/squares.py",
                "-",
            ],
            input=text,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_client_of_the_socket_contract_is_rung(stack: Stack, user: Api, tmp_path: Path) -> None:
    (client,) = blocks("docs/sockets.md", "js")
    (tmp_path / "client.mjs").write_text(client)
    (tmp_path / "main.mjs").write_text(LISTEN)
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    first = user.run("add", a=1, b=2)["id"]
    command = [node(), "main.mjs", stack.url, user.token]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline()) == [1, first]
            second = user.run("add", a=3, b=4)["id"]
            assert json.loads(process.stdout.readline()) == [2, second]
            wait_for(lambda: devices(user) == ["example"], "the acknowledgement")
        finally:
            process.kill()


def devices(user: Api) -> list[str]:
    """Which devices have had the user's last notification."""
    last = user.notifications()[-1]["id"]
    shown = user.ok("GET", f"/v1/notifications/{last}")
    return [each["device"] for each in shown["acknowledgements"]]


@pytest.mark.parametrize(
    ("page", "language", "number", "output"),
    [
        ("README.md", "py", 0, r"([01]\.\d+\n)*1\.0\n"),
        (
            "docs/python-client.md",
            "python",
            0,
            r"(\d+%\n)*100%\n\{'rows': 1000.*\} excel_test\.xlsx\n",
        ),
        ("docs/python-client.md", "python", 1, r"(\d+ .+\n)+"),
    ],
)
def test_the_examples_of_the_python_client_work(
    stack: Stack, tmp_path: Path, page: str, language: str, number: int, output: str
) -> None:
    example = blocks(page, language)[number]
    assert example.count("http://localhost:5005") == 1
    script = example.replace("http://localhost:5005", stack.url)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert re.fullmatch(output, done.stdout)
    if "download" in example:
        assert len(list(openpyxl.load_workbook(tmp_path / "excel_test.xlsx")["Rows"].rows)) == 1001


def test_every_example_of_the_python_client_is_run() -> None:
    assert [len(blocks("README.md", "py")), len(blocks("docs/python-client.md", "python"))] == [
        1,
        2,
    ]

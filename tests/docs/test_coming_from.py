"""The page for those who come from Flask and Celery: its new side works, its names are those of the code."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import openpyxl
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Mailbox

from app.accounts.permissions import Permission, Role
from app.config import Settings
from app.job_types import registry
from app.setting_sources import CONFIG_VARIABLE
from app.standalone.ports import free_port
from app.standalone.servers import Servers
from tests.docs.pages import ROOT, section, text_of
from tests.support.stack import Stack

PAGE = "docs/coming-from.md"
BEGIN = "Begin"
ADDRESS = "http://localhost:5005"
SECONDS = 120

# What the shell blocks of each section write, all together.
EXPECTED = {
    "Calculations": r"\{.*'mul': 30.*\}\n[0-9a-f-]{36}\n",
    "Schedules and events": (
        r"\[('20\d\d-[^']+00\+0[12]:00'(, )?){5}\]\nFalse\nsucceeded\n\[\{.*\}\]\n"
        r"([0-9a-f-]{36})\n\3\n"
    ),
    "Small tasks and polling": r"succeeded\n(\d[\d.e-]*\n)+\{'waited': .*\}\n",
    "Uploads and logs": r"\{.*'rows': 3.*\}\n\[\{.*'succeeded'.*\}\]\n\[\{.*'event'.*\}\]\n",
    "Mail": r"succeeded\n",
    "Charts": r"\{.*'media_type': 'image/png'.*\}\n",
    "Broker and workers": r"broker_url: amqp://user:\*+@rabbitmq:5672//\n",
    "Settings": r"(.*\n)*port: 5006\n(.*\n)*database_url: .*@db:5432/ringback\n(.*\n)*",
    "Roles and permissions": (
        r"\[.*'users\.manage'.*\]\n\[.*'username@test\.com'.*\]\n\[.*\]\npermission_missing\n"
    ),
}


def shell_of(heading: str) -> str:
    found = re.findall(r"^```sh\n(.*?)^```$", section(PAGE, heading), re.MULTILINE | re.DOTALL)
    return "".join(found)


@pytest.fixture(scope="module")
def mail_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mail") / "box"


@pytest.fixture(scope="module")
def mailing_stack(
    servers: Servers, mail_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """A running application that has a mail server."""
    controller = Controller(Mailbox(str(mail_folder)), hostname="127.0.0.1", port=free_port())
    controller.start()
    settings = {
        "RINGBACK_SMTP_HOST": "127.0.0.1",
        "RINGBACK_SMTP_PORT": str(controller.port),
        "RINGBACK_SMTP_SECURITY": "none",
        "RINGBACK_MAIL_SENDER": "ringback@test.com",
    }
    stack = Stack.start(servers, tmp_path_factory.mktemp("stack"), **settings)
    yield stack
    stack.stop()
    controller.stop()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder in which the commands of the page find what they would find in a clone."""
    (tmp_path / ".venv").symlink_to(Path(sys.executable).parents[1])
    return tmp_path


def run(stack: Stack, folder: Path, program: list[str], script: str) -> str:
    ours = {name: each for name, each in os.environ.items() if not name.startswith("RINGBACK_")}
    done = subprocess.run(
        [*program, script.replace(ADDRESS, stack.url)],
        cwd=folder,
        env=ours | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("heading", EXPECTED)
def test_the_new_side_works_as_it_stands(
    mailing_stack: Stack, mail_folder: Path, clone: Path, heading: str
) -> None:
    script = "set -euo pipefail\n" + shell_of(BEGIN) + shell_of(heading)
    output = run(mailing_stack, clone, ["bash", "-c"], script)
    assert re.fullmatch(EXPECTED[heading], output), output
    if heading == "Calculations":
        assert "Numbers" in openpyxl.load_workbook(clone / "numbers.xlsx").sheetnames
    elif heading == "Uploads and logs":
        assert "Lamp" in (clone / "prices.json").read_text()
    elif heading == "Mail":
        (message,) = (mail_folder / "new").iterdir()
        assert "Subject: Your report" in message.read_text()
    elif heading == "Charts":
        assert (clone / "chart.png").read_bytes().startswith(b"\x89PNG\r")


def test_the_first_python_program_works(mailing_stack: Stack, clone: Path) -> None:
    (script,) = re.findall(r"^```py\n(.*?)^```$", text_of(PAGE), re.MULTILINE | re.DOTALL)
    program = [sys.executable, "-W", "error", "-c"]
    assert run(mailing_stack, clone, program, script) == "{'sum': 5}\n"


def test_every_shell_block_of_the_page_is_run() -> None:
    all_blocks = re.findall(r"^```sh\n(.*?)^```$", text_of(PAGE), re.MULTILINE | re.DOTALL)
    assert "".join(all_blocks) == "".join(map(shell_of, [BEGIN, *EXPECTED]))
    assert text_of(PAGE).count("```sh\n") == len(all_blocks)


def test_every_setting_permission_role_and_type_that_the_page_names_is_one() -> None:
    text = text_of(PAGE)
    known = {f"RINGBACK_{name.upper()}" for name in Settings.model_fields} | {CONFIG_VARIABLE}
    assert set(re.findall(r"RINGBACK_[A-Z_]+", text)) - known == set()
    (row,) = re.findall(r"^\| a table of permissions \| `Permission`: (.*) \|$", text, re.MULTILINE)
    assert set(re.findall(r"`(.*?)`", row)) == set(Permission)
    (row,) = re.findall(r"^\| a table of roles \| `Role`: (.*) \|$", text, re.MULTILINE)
    assert set(re.findall(r"`(.*?)`", row)) == set(Role)
    types = {each.name for each in registry.load(["app.job_types"])}
    assert set(re.findall(r"[Tt]he type `(\w+)`", text)) - types == set()
    assert set(re.findall(r'\\?"type\\?": \\?"(\w+)', text)) - types == set()

"""What the pages say and what the code does are the same."""

import re
import tomllib
from pathlib import Path

import pytest

from app.__main__ import _parser
from app.api.jobs import JobOut
from app.api.notifications import NotificationOut
from app.delivery import events
from app.sockets import messages
from tests.docs.pages import PAGES, ROOT, blocks, links, named_in_first_column, section, text_of
from tests.docs.settings_table import make_table, present_table

DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
SOCKETS = "docs/sockets.md"


def test_the_table_of_settings_is_the_one_that_the_code_makes() -> None:
    advice = "write it anew: .venv/bin/python -m tests.docs.settings_table"
    assert present_table() == make_table(), advice


def test_the_route_that_is_shown_to_contributors_is_a_real_one() -> None:
    (route,) = blocks("CONTRIBUTING.md", "python")
    assert route in text_of("app/api/jobs.py")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_into_the_project_leads_somewhere(page: Path) -> None:
    dead = [target for target in links(page) if not (page.parent / target).exists()]
    assert dead == []


def test_the_readme_lists_every_part_of_the_application() -> None:
    named = named_in_first_column(section("README.md", "Where things are"))
    parts = {
        f"app/{path.name}{'/' if path.is_dir() else ''}"
        for path in (ROOT / "app").iterdir()
        if not path.name.startswith("__") or path.name == "__main__.py"
    }
    assert set(named) == parts
    assert len(named) == len(parts)


def test_the_readme_names_every_command() -> None:
    (commands,) = [each.choices for each in _parser()._actions if each.dest == "command"]
    (doors,) = re.findall(r"^\| `app/__main__.py` \| (.*) \|$", text_of("README.md"), re.MULTILINE)
    assert set(re.findall(r"`(.*?)`", doors)) == set(commands or ())


def test_the_readme_lists_every_decision_by_its_title() -> None:
    listed = section("README.md", "Why it is so")
    for path in DECISIONS:
        title = path.read_text().partition("\n")[0].partition(". ")[2]
        assert f"- [{title}]({path.relative_to(ROOT)})\n" in listed


@pytest.mark.parametrize("number", range(1, len(DECISIONS) + 1))
def test_each_decision_has_its_number_and_its_three_parts(number: int) -> None:
    path = DECISIONS[number - 1]
    text = path.read_text()
    assert path.name.startswith(f"{number:04}-")
    assert text.startswith(f"# {number}. ")
    assert re.findall(r"^\*\*(\w+)\.\*\* ", text, re.MULTILINE) == [
        "Context",
        "Decision",
        "Consequences",
    ]


def test_the_layers_are_told_as_they_are_enforced() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))
    contracts = {each["id"]: each for each in project["tool"]["importlinter"]["contracts"]}
    (told,) = blocks("docs/decisions/0003-folders-by-flow.md", "")
    assert told.splitlines() == contracts["flow"]["layers"]


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("Handshake", {*messages.Handshake.model_fields}),
        (
            "Events to the client",
            {
                *(events.READY, events.NOTIFICATION, events.JOB, events.READ, events.SESSIONS),
                events.ERROR,
            },
        ),
        ("`notification`", {*NotificationOut.model_fields}),
        ("`job`", {*JobOut.model_fields}),
        ("Events to the server", {events.ACK, events.SYNC, events.READ, events.AUTHENTICATE}),
    ],
)
def test_the_socket_contract_names_what_there_is_and_nothing_else(
    heading: str, names: set[str]
) -> None:
    named = named_in_first_column(section(SOCKETS, heading))
    assert sorted(named) == sorted(names)


@pytest.mark.parametrize("heading", ["When it is refused", "How a connection ends"])
def test_the_socket_contract_names_codes_that_the_code_knows(heading: str) -> None:
    codes = named_in_first_column(section(SOCKETS, heading))
    code = "".join(path.read_text() for path in (ROOT / "app").rglob("*.py"))
    assert codes
    assert [each for each in codes if f'"{each}"' not in code] == []


@pytest.mark.parametrize(
    "model", [messages.Ack, messages.Sync, messages.Read, messages.Authenticate]
)
def test_the_socket_contract_names_the_fields_of_each_event(model: type[messages.Ack]) -> None:
    rows = section(SOCKETS, "Events to the server")
    (payload,) = re.findall(rf"^\| `{model.__name__.lower()}` \| (.*?) \|", rows, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", payload)) == set(model.model_fields)

"""`docs/operations.md` says what the code does: metrics, parts, events, fields, and the queries."""

import ast
import re
from collections.abc import Iterator

import yaml
from apiflask import APIFlask
from prometheus_client.parser import text_string_to_metric_families

from app.config import Settings
from app.operations.metrics import Metrics
from app.sockets.connection import Connections
from app.sockets.measures import REASONS, Measures
from tests.docs.pages import ROOT, blocks, named_in_first_column, section, text_of
from tests.operations.test_readiness import PARTS

PAGE = "docs/operations.md"
LEVELS = ("debug", "info", "warning", "error", "exception", "critical")
# Of the form itself, of the ids that are bound, and of what libraries add.
BASE_FIELDS = {
    "event",
    "timestamp",
    "level",
    "logger",
    "role",
    "exception",
    "redis_exception",
    "request_id",
    "user_id",
    "job_id",
    "job_type",
    "attempt",
    "schedule_id",
}


def rows(markdown: str) -> Iterator[list[str]]:
    """The cells of each row of the tables, without heads and rules."""
    for line in re.findall(r"^\| (.*) \|$", markdown, re.MULTILINE):
        cells = [cell.strip() for cell in re.split(r" ?\| ?", line)]
        if cells[0].startswith("`"):
            yield cells


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def log_calls() -> Iterator[ast.Call]:
    """Those of the server; the Python client runs, and logs, with somebody else."""
    for path in set((ROOT / "app").rglob("*.py")) - set((ROOT / "app/client").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
                if name in {"log", "_log"} and node.func.attr in LEVELS:
                    yield node


def level_of(call: ast.Call) -> str:
    assert isinstance(call.func, ast.Attribute)
    return "error" if call.func.attr == "exception" else call.func.attr


def event_of(call: ast.Call) -> str:
    assert call.args, ast.dump(call)
    assert isinstance(call.args[0], ast.Constant), f"an event is a fixed phrase: {ast.dump(call)}"
    return str(call.args[0].value)


def families(app: APIFlask) -> dict[str, set[str] | None]:
    """Metrics of our own by their full name, with their labels as far as there are samples."""
    measured = Metrics("none")
    Measures(measured, Connections())
    found: dict[str, set[str] | None] = {}
    text = app.test_client().get("/metrics").text
    for family in (*measured.registry.collect(), *text_string_to_metric_families(text)):
        if family.name.startswith("ringback_"):
            full = family.name + ("_total" if family.type == "counter" else "")
            labels = [set(sample.labels) - {"le"} for sample in family.samples]
            found[full] = labels[0] if labels else found.get(full)
    return found


def test_the_page_lists_the_metrics_that_there_are(web_app: APIFlask) -> None:
    table = {code(row[0])[0]: row for row in rows(section(PAGE, "Metrics"))}
    found = families(web_app)
    assert set(table) == set(found)
    for name, labels in found.items():
        if labels is not None:
            assert set(code(table[name][1])) == labels, name


def test_the_page_lists_the_reasons_for_which_connections_end() -> None:
    told = next(row for row in rows(section(PAGE, "Metrics")) if "connections_ended" in row[0])
    assert set(code(told[-1])) == {reason.replace(" ", "_") for reason in REASONS} | {"other"}


def test_alerts_and_queries_use_metrics_that_there_are(web_app: APIFlask) -> None:
    text = "".join([*blocks(PAGE, "yaml"), *blocks(PAGE, "promql")])
    used = set(re.findall(r"ringback_\w+", text)) - {"ringback_metrics_token"}
    names = set(families(web_app))
    assert used
    assert {re.sub(r"_bucket$", "", name) for name in used} <= names
    (alerts,) = [each for each in map(yaml.safe_load, blocks(PAGE, "yaml")) if "groups" in each]
    assert all({"alert", "expr"} <= set(rule) for rule in alerts["groups"][0]["rules"])


def test_the_page_lists_the_parts_of_readiness() -> None:
    told = {code(row[0])[0]: row[1] for row in rows(section(PAGE, "Health"))}
    parts = {name: required for name, required in told.items() if not name.startswith("/")}
    assert set(parts) == {*PARTS, "broker"}
    assert [name for name, required in parts.items() if required == "yes"] == [
        "server",
        "database",
    ]


def test_the_page_lists_every_event_of_the_log_at_its_level() -> None:
    listed = {}
    for heading in ("Events in the order of things", "Warnings and errors"):
        listed |= {code(row[0])[0]: row[1] for row in rows(section(PAGE, heading))}
    logged = {event_of(call): level_of(call) for call in log_calls()}
    assert listed == logged


def test_every_warning_and_error_has_a_way_to_mend_it() -> None:
    told = list(rows(section(PAGE, "Warnings and errors")))
    assert all(row[-1] for row in told)
    assert {row[1] for row in told} == {"warning", "error", "critical"}


def test_the_page_lists_every_field_of_the_log() -> None:
    told = set(named_in_first_column(section(PAGE, "Logs")))
    used = {keyword.arg for call in log_calls() for keyword in call.keywords if keyword.arg}
    assert told == BASE_FIELDS | used - {"exc_info"}


def test_the_page_names_settings_that_there_are() -> None:
    told = set(re.findall(r"RINGBACK_([A-Z_]+)", text_of(PAGE)))
    assert told <= {name.upper() for name in Settings.model_fields}

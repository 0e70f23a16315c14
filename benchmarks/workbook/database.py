"""A Postgres of its own, filled with the tables."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2

from app.standalone.postgres import Postgres
from benchmarks.workbook.rows import DISTINCT, TABLES, Kind, Table

# The disk is not what is measured, and nothing is to happen by itself. A scan begins at the first row.
QUIET = ("fsync = off", "autovacuum = off", "synchronize_seqscans = off")


class Database:
    """A running server.

    Attributes:
        url: its address, with the password.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._connection = psycopg2.connect(url)
        self._connection.autocommit = True
        self._bases: set[str] = set()

    def fill(self, data: str, count: int) -> str:
        """Make a table with so many rows of one of `TABLES`; returns its name."""
        name, base = f"{data}_{count}", f"{data}_distinct"
        if base not in self._bases:
            self._copy(base, TABLES[data])
            self._bases.add(base)
        columns = ", ".join(_quoted(TABLES[data]))
        self.execute(
            f"CREATE UNLOGGED TABLE {name} AS SELECT {columns} "  # noqa: S608
            f"FROM generate_series(0, {count - 1}) AS number JOIN {base} ON row = number % {DISTINCT} "
            "ORDER BY number"
        )
        self.execute(f"VACUUM (FREEZE, ANALYZE) {name}")
        return name

    def execute(self, statement: str) -> None:
        """One statement, by itself."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def backend(self) -> int:
        """The id of the process that serves this connection."""
        return int(self._connection.info.backend_pid)

    def close(self) -> None:
        """Disconnect."""
        self._connection.close()

    def _copy(self, name: str, table: Table) -> None:
        """Bring the distinct rows there, with their numbers."""
        types = zip(_quoted(table), (each.kind.value for each in table.fields), strict=True)
        columns = ", ".join(" ".join(each) for each in types)
        self.execute(f"CREATE UNLOGGED TABLE {name} (row integer PRIMARY KEY, {columns})")
        kinds = [each.kind for each in table.fields]
        lines = (
            "\t".join([str(index), *map(_copied, kinds, table.row(index))])
            for index in range(DISTINCT)
        )
        with self._connection.cursor() as cursor:
            cursor.copy_expert(f"COPY {name} FROM STDIN", io.StringIO("\n".join(lines) + "\n"))


@contextmanager
def running(folder: Path) -> Iterator[Database]:
    """Start a server, for the time of the `with` block.

    Args:
        folder: others may enter it, for root runs Postgres as nobody.
    """
    server = Postgres(folder / "postgres")
    server.start()
    try:
        database = Database(server.url.replace("+psycopg2", ""))
        try:
            for setting in QUIET:
                database.execute(f"ALTER SYSTEM SET {setting}")
            database.execute("SELECT pg_reload_conf()")
            yield database
        finally:
            database.close()
    finally:
        server.stop()


def _quoted(table: Table) -> list[str]:
    return [f'"{each.title}"' for each in table.fields]


def _copied(kind: Kind, value: Any) -> str:
    r"""A value in the text format of COPY: \N is no value."""
    if value is None:
        return r"\N"
    text = json.dumps(value) if kind is Kind.MIXED else str(value)
    return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n")

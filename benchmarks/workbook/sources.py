"""Where the rows come from: a generator, or Postgres through a server-side cursor."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from typing import Any, Protocol

import psycopg2
from psycopg2.extras import register_uuid

from benchmarks.workbook.rows import DISTINCT, Row, Table

GENERATOR, POSTGRES = NAMES = ("generator", "postgres")
FETCH_ROWS = 2000


class Source(Protocol):
    """Rows, once, in one of two forms. What can be prepared is, before they are iterated."""

    def tuples(self) -> Iterator[Row]:
        """As tuples."""
        ...

    def mappings(self) -> Iterator[dict[str, Any]]:
        """As dictionaries, by the titles of the columns."""
        ...


class Generated:
    """Rows with next to no work: they are made once, and given again and again."""

    def __init__(self, table: Table, count: int) -> None:
        self._rows = [table.row(index) for index in range(min(count, DISTINCT))]
        self._table, self._count = table, count

    def tuples(self) -> Iterator[Row]:
        """See `Source`."""
        return islice(cycle(self._rows), self._count)

    def mappings(self) -> Iterator[dict[str, Any]]:
        """See `Source`; a generator can make these as well as tuples, so they cost nothing."""
        return islice(cycle([*map(_mapping(self._table), self._rows)]), self._count)


class Selected:
    """Rows of a table of Postgres, as the server sends them.

    Args:
        cursor: a server-side one.
        name: of the table there.
    """

    def __init__(self, table: Table, cursor: Any, name: str) -> None:
        self._table, self._cursor, self._name = table, cursor, name

    def tuples(self) -> Iterator[Row]:
        """See `Source`; the query begins with the first row, for waiting for it is reading."""
        self._cursor.execute(f"SELECT * FROM {self._name}")  # noqa: S608
        yield from self._cursor

    def mappings(self) -> Iterator[dict[str, Any]]:
        """See `Source`; quicker than psycopg2's own cursors that give dictionaries."""
        return map(_mapping(self._table), self.tuples())


def _mapping(table: Table) -> Callable[[Row], dict[str, Any]]:
    titles = [field.title for field in table.fields]
    return lambda row: dict(zip(titles, row, strict=True))


@contextmanager
def selected(url: str, table: Table, name: str) -> Iterator[Selected]:
    """Connect, for the time of the `with` block."""
    connection = psycopg2.connect(url)
    try:
        register_uuid(conn_or_curs=connection)
        with connection.cursor("rows") as cursor:
            cursor.itersize = FETCH_ROWS
            yield Selected(table, cursor, name)
    finally:
        connection.close()

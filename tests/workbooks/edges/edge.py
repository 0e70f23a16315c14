"""One value at the edge, and what comes of it."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Edge:
    """A value and what every reader has to find in its cell.

    Attributes:
        name: for the test's id.
        value: what is written.
        arrives: what is read; `None` for an empty cell. Dates are given as their midnight.
    """

    name: str
    value: object = field(repr=False)
    arrives: object = field(repr=False)


def unchanged(name: str, value: object) -> Edge:
    """A value that arrives as it is."""
    return Edge(name, value, value)

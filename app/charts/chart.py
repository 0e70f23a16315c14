"""What a chart is, and the words for those who cannot see it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

Kind = Literal["line", "bar", "scatter", "histogram", "heat_map"]
Format = Literal["png", "svg"]
KINDS: tuple[Kind, ...] = get_args(Kind)
MEDIA_TYPES: dict[Format, str] = {"png": "image/png", "svg": "image/svg+xml"}

MAX_SERIES = 8
"""As many can be told apart; rows of a heat map are named at its side, and can be more."""
MAX_ROWS = 200
MAX_POINTS = 50_000
"""Of all series together. A picture has a few million pixels: more points hide each other."""
MAX_BARS = 1000
LIMIT = 1e100
"""The largest number that is drawn, and the smallest with a minus."""
YEARS = range(1000, 3001)

Position = float | datetime | str

# Controls, line ends and what is no character: none has a picture, and XML has no room for most.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]+")


@dataclass(frozen=True)
class Series:
    """Values under one name.

    Attributes:
        x: where each value is: numbers, or naive times of UTC; for bars and the columns of a heat map
            texts as well, since there it only names them. None: 1, 2, 3 …
    """

    name: str
    y: Sequence[float]
    x: Sequence[Position] | None = None


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        series: one or more, none of them empty, up to the limits above; those of a bar chart and of a
            heat map are equally long and share the positions of the first.
        width: inches.
        height: inches.
        dpi: pixels an inch.
        bins: of a histogram; None: as many as suit the number of values.
    """

    kind: Kind
    series: Sequence[Series]
    title: str = ""
    x_label: str = ""
    y_label: str = ""
    format: Format = "png"
    width: float = 9.6
    height: float = 5.4
    dpi: int = 100
    bins: int | None = None


def visible(text: str) -> str:
    """The text without what cannot be drawn, on one line."""
    return _UNSEEN.sub(" ", text).strip()


def name_of(chart: Chart, index: int) -> str:
    """The name of a series; a number, if it was given none."""
    return visible(chart.series[index].name) or f"Series {index + 1}"


def describe(chart: Chart) -> str:
    """What the chart shows, in sentences: for a screen reader, or where no picture is shown."""
    return " ".join(f"{sentence}." for sentence in _sentences(chart))


def _sentences(chart: Chart) -> Iterator[str]:
    kind = chart.kind.replace("_", " ").capitalize() + ("" if "map" in chart.kind else " chart")
    kind = kind.replace("Histogram chart", "Histogram")
    title = visible(chart.title)
    yield f"{kind}: {title}" if title else kind
    if chart.kind == "heat_map":
        values = [value for each in chart.series for value in each.y]
        size = f"{len(chart.series):,} rows of {len(chart.series[0].y):,} values"
        yield f"{size}, from {min(values):.6g} to {max(values):.6g}"
    else:
        yield "; ".join(_words_of(chart, index) for index in range(len(chart.series)))
    yield from _axes(chart)


def _words_of(chart: Chart, index: int) -> str:
    y = chart.series[index].y
    values = f"{len(y):,} values from {min(y):.6g} to {max(y):.6g}" if len(y) > 1 else f"{y[0]:.6g}"
    return f"{name_of(chart, index)}: {values}"


def _axes(chart: Chart) -> Iterator[str]:
    label = visible(chart.x_label)
    spread = "" if chart.kind == "histogram" else _spread(chart)
    if label or spread:
        yield " ".join(["Horizontal axis:", *filter(None, [label, spread])])
    if visible(chart.y_label):
        yield f"Vertical axis: {visible(chart.y_label)}"


def _spread(chart: Chart) -> str:
    """From where to where the positions lie."""
    positions = [position for each in chart.series for position in each.x or ()]
    if not positions:
        return ""
    if isinstance(positions[0], str):
        return f"from {visible(positions[0])} to {visible(str(positions[-1]))}"
    low, high = min(positions), max(positions)
    return f"from {shown(low)} to {shown(high)}"


def shown(position: Position) -> str:
    """A position as text."""
    if isinstance(position, datetime):
        return position.isoformat(" ").removesuffix(" 00:00:00")
    return f"{position:.6g}" if not isinstance(position, str) else position

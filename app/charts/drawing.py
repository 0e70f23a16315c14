"""Draws charts with matplotlib: its objects only, no pyplot, and no setting outlives a drawing.

The colours are those of Masataka Okabe and Kei Ito, "Color Universal Design" (2008,
https://jfly.uni-koeln.de/color/), which people of any colour vision can tell apart; heat maps have
cividis (Nuñez, Anderton and Renslow, 2018). Lines and points differ by dashes and shapes as well.
"""

import math
import re
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime
from io import BytesIO
from textwrap import wrap
from typing import Any
from unicodedata import east_asian_width
from xml.sax.saxutils import escape

from app.charts.chart import Chart, Kind, Series, describe, name_of, shown, visible
from app.charts.library import matplotlib

COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7"),
    *("#E69F00", "#56B4E9", "#000000", "#F0E442"),
)
DASHES = ("-", "--", "-.", ":")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")

STYLE: Any = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib; others are not everywhere
    "font.size": 11,
    "axes.titlesize": 14,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#D9D9D9",
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "agg.path.chunksize": 5000,  # a line of very many points is too much for it in one piece
    "text.parse_math": False,  # `$\\frac{` is text of somebody's, and no formula
    "text.usetex": False,
    "svg.fonttype": "none",  # text stays text: it can be read aloud, found and shown in any script
    "svg.hashsalt": "ringback",
}

POINTS = 72
"""Of an inch."""
LETTER = 0.62
"""The width of most letters, roughly, where their height is 1."""

_DOCTYPE = re.compile(rb"<!DOCTYPE[^>]*>\s*")

Axes = Any
"""matplotlib's stubs are loose about what these methods take."""


def draw(chart: Chart) -> bytes:
    """The picture: the same bytes each time, without a date, a script or a reference to elsewhere.

    Text that the font has no picture of is drawn as boxes in a PNG; an SVG leaves it to its viewer.
    """
    with warnings.catch_warnings(), matplotlib.rc_context():
        # Of glyphs that are missing, and of labels that leave no room: the picture shows it.
        warnings.simplefilter("ignore", UserWarning)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        return _save(chart, _figure(chart))


def _save(chart: Chart, figure: Any) -> bytes:
    spoken = describe(chart)
    words = {"Title": visible(chart.title) or spoken, "Description": spoken}
    gone = {"png": ("Software",), "svg": ("Creator", "Date", "Format", "Type")}[chart.format]
    file = BytesIO()
    figure.savefig(file, format=chart.format, metadata=words | dict.fromkeys(gone))
    return file.getvalue() if chart.format == "png" else _for_readers(file.getvalue(), spoken)


def _for_readers(svg: bytes, spoken: str) -> bytes:
    """The SVG with its description in words, and without its reference to a document type."""
    said = f"</title>\n <desc>{escape(spoken)}</desc>".encode()
    svg = _DOCTYPE.sub(b"", svg, count=1)
    return svg.replace(b"<svg ", b'<svg role="img" ', 1).replace(b"</title>", said, 1)


def _figure(chart: Chart) -> Any:
    figure = matplotlib.figure.Figure(
        figsize=(chart.width, chart.height), dpi=chart.dpi, layout="constrained"
    )
    layout: Any = figure.get_layout_engine()
    layout.set(w_pad=0.1, h_pad=0.1)
    axes = figure.add_subplot()
    handles = _DRAW[chart.kind](axes, chart)
    y_label = chart.y_label or ("Count" if chart.kind == "histogram" else "")
    lines = 2 if chart.height >= 4 else 1
    axes.set_title(_wrapped(chart.title, chart.width, 14, lines=lines + 1), pad=10)
    axes.set_xlabel(_wrapped(chart.x_label, chart.width, 11, lines=lines))
    axes.set_ylabel(_wrapped(y_label, chart.height, 11, lines=lines))
    if len(handles) > 1 or any(visible(each.name) for each in chart.series[: len(handles)]):
        _add_legend(figure, handles, chart)
    return figure


def _wrapped(text: str, inches: float, size: float, *, lines: int) -> str:
    """The text on as many lines as it needs, up to `lines`, each of a part of so many inches."""
    text = visible(text)
    room = 0.85 * inches * POINTS / size
    letters = max(int(room * len(text) / _width(text)), 8) if text else 8
    wrapped = wrap(text, letters)
    if len(wrapped) > lines:
        wrapped[lines - 1 :] = [wrapped[lines - 1][:-1] + "…"]
    return "\n".join(wrapped)


def _width(text: str) -> float:
    """How wide the text is, roughly, where a letter's height is 1."""
    wide = sum(each in "MWmw@%" or east_asian_width(each) in "WF" for each in text)
    return LETTER * len(text) + (1 - LETTER) * wide


def _cut(text: str, room: float) -> str:
    """The text, cut to so many heights of a letter."""
    if _width(text) <= room:
        return text
    while _width(text) > room - 1:
        text = text[:-1]
    return text + "…"


def _add_legend(figure: Any, handles: Sequence[Any], chart: Chart) -> None:
    """Name the series below the axes, where no point lies."""
    room = 0.95 * chart.width * POINTS / 10
    beside = 5  # the piece of line, and the space around
    names = [_cut(name_of(chart, index), room / 2 - beside) for index in range(len(handles))]
    columns = int(room / (max(map(_width, names)) + beside))
    legend = figure.legend(
        handles,
        ["series"] * len(handles),
        loc="outside lower center",
        ncols=max(1, min(columns, len(names))),
        frameon=False,
        fontsize=10,
    )
    for label, name in zip(legend.get_texts(), names, strict=True):
        label.set_text(name)  # only now: a legend leaves out names that begin with `_`


def _line(axes: Axes, chart: Chart) -> list[Any]:
    return [
        axes.plot(
            *_points(axes, each),
            color=COLOURS[index],
            linestyle=DASHES[index % len(DASHES)],
            marker="o" if len(each.y) == 1 else None,  # one point makes no line
        )[0]
        for index, each in enumerate(chart.series)
    ]


def _scatter(axes: Axes, chart: Chart) -> list[Any]:
    return [
        axes.plot(
            *_points(axes, each),
            color=COLOURS[index],
            linestyle="none",
            marker=MARKERS[index],
            alpha=1 if len(each.y) <= 1000 else 0.5,
        )[0]
        for index, each in enumerate(chart.series)
    ]


def _points(axes: Axes, series: Series) -> tuple[Sequence[Any], Sequence[float]]:
    positions = series.x or range(1, len(series.y) + 1)
    if isinstance(positions[0], datetime):
        dates: Any = matplotlib.dates
        locator = dates.AutoDateLocator()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
        return dates.date2num(positions), series.y
    return positions, series.y


def _bar(axes: Axes, chart: Chart) -> list[Any]:
    count = len(chart.series)
    handles = []
    for index, each in enumerate(chart.series):
        shift = 0.8 * ((index + 0.5) / count - 0.5)
        places = [place + shift for place in range(len(each.y))]
        handles.append(
            axes.bar(places, each.y, 0.8 / count, color=COLOURS[index], edgecolor="black", lw=0.4)
        )
    axes.axhline(0, color="black", linewidth=0.8)
    axes.grid(visible=False, axis="x")
    _name_columns(axes, chart)
    return handles


def _name_columns(axes: Axes, chart: Chart) -> None:
    """Name as many columns below the axes as there is room for, upright if they are long."""
    first = chart.series[0]
    labels = [visible(shown(each)) for each in first.x or range(1, len(first.y) + 1)]
    longest = min(13, 0.3 * chart.height * POINTS / 11)
    labels = [_cut(label, longest) for label in labels]
    room = 0.85 * chart.width * POINTS
    needed = max(map(_width, labels)) * 11 + 8
    upright = needed * len(labels) > room and needed > 40
    step = math.ceil((15 if upright else needed) * len(labels) / room)
    places = range(0, len(labels), step)
    turned = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if upright else {}
    axes.set_xticks(places, [labels[place] for place in places], **turned)


def _histogram(axes: Axes, chart: Chart) -> list[Any]:
    edges = _edges(chart)
    handles = []
    for index, each in enumerate(chart.series):
        look = {"color": COLOURS[index], "linestyle": DASHES[index % len(DASHES)], "linewidth": 1.8}
        if len(chart.series) == 1:
            look |= {"edgecolor": "white", "linestyle": "-", "linewidth": 0.6}
        else:
            look |= {"histtype": "step"}  # bars would hide those behind them
        handles.append(axes.hist(each.y, edges, **look)[2])
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_locator(matplotlib.ticker.MaxNLocator(integer=True))
    return [drawn[0] for drawn in handles]


def _edges(chart: Chart) -> list[float]:
    """The edges of a histogram's bins, rising; values that are all the same lie in the middle."""
    values = [value for each in chart.series for value in each.y]
    low, high = min(values), max(values)
    if low == high:
        half = max(abs(low) / 20, 0.5)
        low, high = low - half, high + half
    bins = chart.bins or min(max(math.ceil(math.sqrt(len(values))), 5), 60)
    between = (low + (high - low) * (index / bins) for index in range(1, bins))
    return sorted({low, *between, high})  # where they are too close for numbers, they are one


def _heat_map(axes: Axes, chart: Chart) -> list[Any]:
    rows = [each.y for each in chart.series]
    image = axes.imshow(rows, cmap="cividis", aspect="auto", interpolation="nearest")
    axes.figure.colorbar(image, ax=axes)
    axes.grid(visible=False)
    _name_columns(axes, chart)
    step = math.ceil(15 * len(rows) / (0.6 * chart.height * POINTS))
    places = range(0, len(rows), step)
    axes.set_yticks(places, [_cut(name_of(chart, place), min(13, chart.width)) for place in places])
    return []


_DRAW: dict[Kind, Callable[[Axes, Chart], list[Any]]] = {
    "line": _line,
    "bar": _bar,
    "scatter": _scatter,
    "histogram": _histogram,
    "heat_map": _heat_map,
}
"""Each draws the series into the axes, and returns what stands for each of them in a legend."""

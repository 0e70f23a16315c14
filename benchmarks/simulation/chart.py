"""The latencies as a picture: every job a dot."""

import math
import random
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, NullFormatter

from app.charts import drawing
from benchmarks.simulation.figures import STAGES, Series, summary

# The last, a yellow, is too light for dots.
COLOURS = drawing.COLOURS[:-1]
# Of a measured time: less is noise, and 0 has no place on a logarithmic axis.
LEAST_SECONDS = 0.001
SPREAD = 0.28


def draw(found: dict[str, Series], title: str, path: Path) -> None:
    """Write a PNG: one panel a stage, one row a kind, time on a logarithmic axis.

    Raises:
        OSError: the file cannot be written.
    """
    figure = Figure(
        figsize=(12, 2.8 + 0.7 * len(found)),
        dpi=120,
        layout=ConstrainedLayoutEngine(wspace=0.04, hspace=0.04),
    )
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    figure.supxlabel(
        "seconds; a dot is a job, the line the median, the diamond the 95th percentile", fontsize=9
    )
    panels = figure.subplots(2, 2, sharex=True, sharey=True).flatten()
    for (stage, heading), axes in zip(STAGES.items(), panels, strict=True):
        _panel(axes, {kind: each[stage] for kind, each in found.items()})
        axes.set_title(heading, loc="left", fontsize=10)
    panels[0].set_xlim(*_decades(found))
    figure.savefig(path, format="png")


def _decades(found: dict[str, Series]) -> tuple[float, float]:
    """Whole powers of ten around all values, so that the panels can be compared."""
    values = [
        max(each, LEAST_SECONDS) for kind in found.values() for one in kind.values() for each in one
    ]
    least, most = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return 10.0**least, 10.0 ** max(most, least + 1)


def _panel(axes: Axes, kinds: dict[str, list[float]]) -> None:
    dice = random.Random(1)
    for row, values in enumerate(kinds.values()):
        shown = [max(value, LEAST_SECONDS) for value in values]
        heights = [row + dice.uniform(-SPREAD, SPREAD) for _ in shown]
        colour = COLOURS[row % len(COLOURS)]
        axes.scatter(shown, heights, s=14, color=colour, alpha=0.5, linewidths=0)
        _mark(axes, row, shown)
    axes.set_xscale("log")
    axes.set_yticks(range(len(kinds)), [*kinds])
    axes.set_ylim(len(kinds) - 0.4, -0.6)
    axes.tick_params(labelbottom=True)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(axis="x", which="major", color="#DDDDDD")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _mark(axes: Axes, row: int, values: list[float]) -> None:
    marks = summary(values)
    if marks is None:
        return
    axes.vlines(marks["median"], row - 0.38, row + 0.38, color="black", linewidth=2)
    axes.plot(
        marks["p95"],
        row,
        marker="D",
        markersize=6,
        markerfacecolor="white",
        markeredgecolor="black",
    )

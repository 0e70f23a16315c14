"""The speeds as a picture: a panel for each group of cases, a bar a contender."""

from math import ceil
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MaxNLocator

from app.charts.drawing import COLOURS
from benchmarks.comparison.figures import median, ratio
from benchmarks.comparison.model import Benchmark, Case, Contender, Results

ACROSS = 2
BAR_INCHES = 0.2
THICKNESS = 0.8


def draw(benchmark: Benchmark, results: Results, path: Path) -> None:
    """Write a PNG.

    Raises:
        OSError: the file cannot be written.
    """
    panels: dict[str, list[Case]] = {}
    for case in benchmark.cases:
        panels.setdefault(case.panel, []).append(case)
    compared = [each for each in benchmark.contenders if not each.is_floor]
    down = ceil(len(panels) / ACROSS)
    bars = max(map(len, panels.values())) * (len(compared) + 1)
    figure = Figure(
        figsize=(12, 1.4 + down * (0.8 + BAR_INCHES * bars)),
        dpi=120,
        layout=ConstrainedLayoutEngine(wspace=0.04, hspace=0.06),
    )
    FigureCanvasAgg(figure)
    figure.suptitle(f"{benchmark.title}: {benchmark.unit} per second, more is better")
    grid = figure.subplots(down, ACROSS, squeeze=False).flatten()
    for axes, (name, cases) in zip(grid, panels.items(), strict=False):
        _panel(axes, results, cases, compared)
        axes.set_title(name, loc="left", fontsize=10)
    for axes in grid[len(panels) :]:
        axes.set_visible(False)
    handles, labels = grid[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(compared), fontsize=9)
    figure.savefig(path, format="png", metadata={"Software": None})


def _panel(
    axes: Axes,
    results: Results,
    cases: list[Case],
    compared: list[Contender],
) -> None:
    height = THICKNESS / len(compared)
    for number, contender in enumerate(compared):
        medians = [median(results[case.name, contender.key]) for case in cases]
        speeds = [ratio(case.amount, each) or 0 for case, each in zip(cases, medians, strict=True)]
        places = [row - THICKNESS / 2 + height * (number + 0.5) for row in range(len(cases))]
        colour = COLOURS[number % len(COLOURS)]
        bars = axes.barh(places, speeds, height * 0.9, label=contender.title, color=colour)
        shown = [f"{each:,.0f}" if each else "fault" for each in speeds]
        axes.bar_label(bars, shown, padding=3, fontsize=8)
    axes.set_yticks(range(len(cases)), [case.label for case in cases])
    axes.set_ylim(len(cases) - 0.5, -0.5)
    axes.margins(x=0.15)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(axis="x", color="#DDDDDD")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)

"""A chart of series of numbers, given or made up, as a picture that the page shows."""

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import accumulate
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from app.charts.chart import (
    LIMIT,
    MAX_BARS,
    MAX_POINTS,
    MAX_ROWS,
    MAX_SERIES,
    MEDIA_TYPES,
    YEARS,
    Chart,
    Format,
    Kind,
    Position,
    Series,
    describe,
)
from app.job_types.base import JobContext, JobType, Json, Parameters

Generator = Literal["sine", "random_walk", "normal"]
NAMED_COLUMNS = ("bar", "heat_map")
"""Kinds whose positions are no more than names of columns."""

_RANGE = f"a number from -{LIMIT:g} to {LIMIT:g}"
MAX_LABEL = 100


def _is_value(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LIMIT:
        raise ValueError(f"Input should be {_RANGE}")
    return value


def _is_position(value: object) -> int | float | str:
    if not isinstance(value, str):
        return _is_value(value)
    if len(value) > MAX_LABEL:
        raise ValueError(f"Has more than {MAX_LABEL} characters")
    return value


# Neither is a union, of whose mistakes each has several messages.
Value = Annotated[
    Any,
    AfterValidator(_is_value),
    WithJsonSchema({"type": "number", "minimum": -LIMIT, "maximum": LIMIT}),
]
AnyPosition = Annotated[
    Any,
    AfterValidator(_is_position),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "maxLength": MAX_LABEL}]}),
]


class SeriesParameters(Parameters):
    """One series: `y`, or `generate`."""

    name: str = Field("", max_length=60, description="Shown in the legend, or beside the row.")
    generate: Generator | None = Field(None, description="Make the values up, instead of `y`.")
    points: int = Field(100, ge=1, le=MAX_POINTS, description="How many are made up.")
    seed: int = Field(1, ge=0, lt=1 << 32, description="Another seed, other values.")
    y: list[Value] | None = Field(
        None, min_length=1, max_length=MAX_POINTS, description="The values."
    )
    x: list[AnyPosition] | None = Field(
        None,
        max_length=MAX_POINTS,
        description="Where each value is: numbers, or ISO 8601 dates or times; for bars and the "
        "columns of a heat map any texts. None: 1, 2, 3 …",
    )

    @field_validator("y", mode="after")
    @classmethod
    def _is_given_or_made(cls, y: list[Any] | None, info: ValidationInfo) -> list[Any] | None:
        if y is not None and info.data.get("generate"):
            raise ValueError("Give either `y` or `generate`, not both")
        return y

    @field_validator("x")
    @classmethod
    def _fits(cls, x: list[Any] | None, info: ValidationInfo) -> list[Any] | None:
        if x is None:
            return x
        given = len(info.data.get("y") or x)
        count = info.data.get("points", given) if info.data.get("generate") else given
        if len(x) != count:
            raise ValueError(f"Has {len(x):,} positions for {count:,} values")
        if len({isinstance(each, str) for each in x}) > 1:
            raise ValueError("Mixes numbers with texts")
        return x

    def count(self) -> int:
        """How many values it has."""
        return self.points if self.generate else len(self.y or ())

    def positions(self, kind: Kind) -> list[Position] | None:
        """Its `x` as this kind of chart takes it.

        Raises:
            ValueError: texts that are no dates.
        """
        if self.x is None:
            return None
        if not isinstance(self.x[0], str):
            return [float(each) for each in self.x]
        return self.x if kind in NAMED_COLUMNS else [_moment(each) for each in self.x]

    def values(self) -> list[float]:
        """Given or made up; never whole numbers of Python, of which there are too large ones to draw."""
        if self.generate:
            return list(_GENERATORS[self.generate](self))
        return [float(each) for each in self.y or ()]


def _moment(text: str) -> datetime:
    """A date or a time as naive UTC, which is also what a time without a zone is taken for."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        raise ValueError(f"{text[:40]!r} is neither a number nor an ISO 8601 date") from None
    if moment.year not in YEARS:
        raise ValueError(f"{text[:40]!r} is not from the years {YEARS[0]} to {YEARS[-1]}")
    return moment


def _sine(series: SeriesParameters) -> Iterator[float]:
    """Three waves, beginning somewhere."""
    begin = random.Random(series.seed).uniform(0, math.tau)
    return (math.sin(begin + 3 * math.tau * i / series.points) for i in range(series.points))


def _random_walk(series: SeriesParameters) -> Iterator[float]:
    return accumulate(_normal(series))


def _normal(series: SeriesParameters) -> Iterator[float]:
    draw = random.Random(series.seed)
    return (draw.gauss(0, 1) for _ in range(series.points))


_GENERATORS = {"sine": _sine, "random_walk": _random_walk, "normal": _normal}


class ChartParameters(Parameters):
    """What to draw, and how."""

    kind: Kind = Field(description="What the series are drawn as.")
    series: list[SeriesParameters] = Field(
        min_length=1,
        max_length=MAX_ROWS,
        description="1 to 8, or of a heat map its rows, up to 200; 50,000 values in all, 1,000 bars.",
    )
    title: str = Field("", max_length=200, description="Above the chart.")
    x_label: str = Field("", max_length=MAX_LABEL, description="Below the horizontal axis.")
    y_label: str = Field("", max_length=MAX_LABEL, description="Beside the vertical axis.")
    format: Format = Field("png", description="Of the file.")
    width: float = Field(9.6, ge=4, le=16, description="Inches.")
    height: float = Field(5.4, ge=3, le=12, description="Inches.")
    dpi: int = Field(100, ge=50, le=200, description="Pixels an inch, of a PNG.")
    bins: int | None = Field(
        None, ge=1, le=200, description="Of a histogram; none: as many as suit the values."
    )

    @field_validator("series")
    @classmethod
    def _fit(cls, series: list[SeriesParameters], info: ValidationInfo) -> list[SeriesParameters]:
        kind: Kind | None = info.data.get("kind")
        if kind:
            _check_sizes(kind, series)
            _check_positions(kind, series)
        return series

    def chart(self) -> Chart:
        """The chart that these parameters ask for."""
        series = [
            Series(each.name, each.values(), each.positions(self.kind)) for each in self.series
        ]
        return Chart(**(dict(self) | {"series": series}))


def _check_sizes(kind: Kind, series: list[SeriesParameters]) -> None:
    counts = [each.count() for each in series]
    if 0 in counts:
        raise ValueError(
            f"Series {counts.index(0) + 1} has nothing to draw: give `y` or `generate`"
        )
    if kind != "heat_map" and len(series) > MAX_SERIES:
        raise ValueError(f"Has more than {MAX_SERIES} series, which cannot be told apart")
    most = MAX_BARS if kind == "bar" else MAX_POINTS
    if sum(counts) > most:
        raise ValueError(f"Has more than {most:,} values in all")
    if kind in NAMED_COLUMNS and len(set(counts)) > 1:
        raise ValueError(
            f"Series of one {kind} must be equally long, but are {min(counts):,} to "
            f"{max(counts):,} values"
        )


def _check_positions(kind: Kind, series: list[SeriesParameters]) -> None:
    kinds = set()
    for number, each in enumerate(series, 1):
        if kind == "histogram" and each.x:
            raise ValueError(f"Series {number} has `x`, which a histogram has no use for")
        if kind in NAMED_COLUMNS and each.x not in (None, series[0].x):
            raise ValueError(f"Series {number} has an `x` other than that of the first")
        try:
            positions = each.positions(kind)
        except ValueError as error:
            raise ValueError(f"`x` of series {number}: {error}") from None
        kinds.add(isinstance(positions[0], datetime) if positions else False)
    if len(kinds) > 1:
        raise ValueError("Some series have dates for `x`, and some have none")


class DrawChart(JobType[ChartParameters]):
    """Draws the chart."""

    name = "chart"
    title = "Chart"
    parameters = ChartParameters
    example = {
        "kind": "line",
        "title": "Two random walks",
        "x_label": "Step",
        "series": [
            {"name": "First", "generate": "random_walk", "points": 300, "seed": 1},
            {"name": "Second", "generate": "random_walk", "points": 300, "seed": 2},
        ],
    }
    soft_seconds = 240
    hard_seconds = 270

    def run(self, context: JobContext, parameters: ChartParameters) -> dict[str, Json]:
        """See `JobType.run`."""
        # A second and 40 MB, for workers that draw; a server only reads the parameters.
        context.progress(0, "Getting ready")
        from app.charts.drawing import draw

        chart = parameters.chart()
        context.progress(0.3, "Drawing")
        picture = draw(chart)
        context.progress(0.9, "Storing the picture")
        with context.artifact(f"chart.{chart.format}", MEDIA_TYPES[chart.format]) as file:
            file.write(picture)
        return {
            "kind": chart.kind,
            "series": len(chart.series),
            "points": sum(len(each.y) for each in chart.series),
            "description": describe(chart),
        }

"""`chart`: the parameters, the picture, and what a hostile client can do to either."""

import io
import re
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app.charts.chart import KINDS, MAX_POINTS
from app.charts.drawing import COLOURS
from app.errors import InvalidInput
from app.job_types.chart import DrawChart
from app.job_types.registry import JobTypes
from tests.job_types.recording import RecordingContext

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = (
    "$\\frac{ \x00\x01\x85\u2028\ud800\uffff_ {0} %s <script>alert(1)</script> & 東京 😀 \u202e $"
)
SMALL = [{"y": [1, 3, 2]}]


def run(context: RecordingContext, **params: Any) -> tuple[bytes, dict[str, Any]]:
    """The picture and the result."""
    result = DrawChart().run(context, JobTypes.validate(DrawChart(), params))  # type: ignore[arg-type]
    return context.path().read_bytes(), result


def svg_of(folder: Path, **params: Any) -> ET.Element:
    picture, _ = run(RecordingContext(folder), format="svg", **params)
    return ET.fromstring(picture)  # noqa: S314  # it is our own


def texts_of(svg: ET.Element) -> list[str]:
    return ["".join(each.itertext()) for each in svg.iter(f"{SVG}text")]


def image_of(folder: Path, **params: Any) -> Image.Image:
    picture, _ = run(RecordingContext(folder), **params)
    image = Image.open(io.BytesIO(picture))
    image.load()
    return image


def colours_of(image: Image.Image) -> set[str]:
    found = image.convert("RGB").getcolors(image.width * image.height) or []
    return {f"#{red:02X}{green:02X}{blue:02X}" for _, (red, green, blue) in found}  # type: ignore[misc]


def refused(**params: Any) -> dict[str, list[str]]:
    with pytest.raises(InvalidInput) as caught:
        JobTypes.validate(DrawChart(), params)
    return caught.value.fields


@pytest.mark.parametrize("kind", KINDS)
def test_chart_is_a_png_of_the_size_asked_for_in_the_colours_of_its_series(
    kind: str, tmp_path: Path
) -> None:
    series = [{"name": "A", "y": [1, 3, 2, 5]}, {"name": "B", "y": [2, 2, 4, 1]}]
    image = image_of(tmp_path, kind=kind, series=series, width=6, height=4, dpi=80)
    assert (image.format, image.size) == ("PNG", (480, 320))
    shown = colours_of(image)
    if kind == "heat_map":
        assert "#00224E" in shown, "the lowest value is not in the darkest colour of cividis"
        assert any(each.startswith(("#FDE", "#FEE")) for each in shown), (
            "nor the highest in its own"
        )
    else:
        assert shown >= set(COLOURS[:2])


@pytest.mark.parametrize("kind", KINDS)
def test_chart_is_an_svg_whose_texts_can_be_read_and_that_runs_and_loads_nothing(
    kind: str, tmp_path: Path
) -> None:
    labels = {"title": "The <title>", "x_label": "Across", "y_label": "Up & down"}
    series = [{"name": "Räuber", "y": [1, 2, 4]}]
    picture, _ = run(RecordingContext(tmp_path), kind=kind, series=series, format="svg", **labels)
    assert b"<!DOCTYPE" not in picture and b"@import" not in picture
    svg = ET.fromstring(picture)  # noqa: S314  # it is our own
    assert {*labels.values(), "Räuber"} <= set(texts_of(svg))
    assert svg.findtext(f"{SVG}title") == "The <title>"
    assert "Up & down" in (svg.findtext(f"{SVG}desc") or "")
    for each in svg.iter():
        assert each.tag.rpartition("}")[2] not in {"script", "foreignObject", "a", "iframe"}
        for name, value in each.attrib.items():
            assert not name.lower().startswith("on")
            if name.endswith("href"):
                assert value.startswith(("#", "data:image/png;base64,"))
            assert not re.search(r"url\((?!#)", value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("format_", ["png", "svg"])
def test_chart_of_the_same_parameters_is_the_same_file(
    kind: str, format_: str, tmp_path: Path
) -> None:
    params = {"kind": kind, "format": format_, "series": [{"generate": "normal", "points": 30}]}
    first, _ = run(RecordingContext(tmp_path / "1"), **params)
    second, _ = run(RecordingContext(tmp_path / "2"), **params)
    assert first == second
    assert not re.search(rb"(?i)matplotlib v|dc:date", first)


def test_chart_shows_dates_on_an_axis_of_dates(tmp_path: Path) -> None:
    x = ["2026-01-01", "2026-02-01T12:00:00+02:00", "2026-04-01T00:00"]
    series = [{"name": "Orders", "x": x, "y": [1, 2, 3]}]
    _, result = run(RecordingContext(tmp_path / "png"), kind="line", series=series)
    assert "from 2026-01-01 to 2026-04-01" in result["description"]
    texts = texts_of(svg_of(tmp_path / "svg", kind="line", series=series))
    assert {"Feb", "Mar", "Apr"} <= set(texts)


def test_chart_tells_in_words_what_it_shows(tmp_path: Path) -> None:
    series = [{"name": "North", "y": [3, 1, 2]}, {"y": [0.5]}]
    _, result = run(
        RecordingContext(tmp_path), kind="bar", title="Sales", y_label="EUR", series=[series[0]]
    )
    assert result == {
        "kind": "bar",
        "series": 1,
        "points": 3,
        "description": "Bar chart: Sales. North: 3 values from 1 to 3. Vertical axis: EUR.",
    }
    image = image_of(tmp_path / "png", kind="line", title="Sales", series=series)
    assert image.info["Title"] == "Sales"
    words = "Line chart: Sales. North: 3 values from 1 to 3; Series 2: 0.5."
    assert image.info["Description"] == words


@pytest.mark.parametrize("generate", ["sine", "random_walk", "normal"])
def test_chart_of_generated_series_depends_on_the_seed_alone(generate: str, tmp_path: Path) -> None:
    described = []
    for number, seed in enumerate((1, 1, 2)):
        series = [{"generate": generate, "points": 41, "seed": seed}]
        context = RecordingContext(tmp_path / str(number))
        described.append(run(context, kind="line", series=series)[1]["description"])
    assert "41 values" in described[0]
    assert described[0] == described[1] != described[2]


@pytest.mark.parametrize("kind", KINDS)
def test_chart_takes_hostile_text_for_text(kind: str, tmp_path: Path) -> None:
    params: dict[str, Any] = {
        "kind": kind,
        "series": [{"name": HOSTILE[:60], "y": [1, 2]}, {"name": "_hidden", "y": [2, 3]}],
        "title": HOSTILE,
        "x_label": HOSTILE,
        "y_label": HOSTILE,
    }
    if kind in ("bar", "heat_map"):
        params["series"][0]["x"] = ["$\\frac{", HOSTILE]
    assert image_of(tmp_path / "png", **params).size == (960, 540)
    texts = texts_of(svg_of(tmp_path / "svg", **params))
    assert any("$\\frac{" in each and "<script>alert(1)</script>" in each for each in texts)
    assert "_hidden" in texts


@pytest.mark.parametrize("kind", KINDS)
def test_chart_finds_room_for_the_longest_texts_in_the_smallest_picture(
    kind: str, tmp_path: Path
) -> None:
    count = 8 if kind != "heat_map" else 200
    series: list[dict[str, Any]] = [{"name": "W" * 60, "y": [1, 2, 3]} for _ in range(count)]
    if kind in ("bar", "heat_map"):
        series[0]["x"] = ["W" * 100] * 3
    labels = {"title": "W" * 200, "x_label": "W" * 100, "y_label": "W" * 100}
    size = {"width": 4, "height": 3, "dpi": 50}
    image = image_of(tmp_path, kind=kind, series=series, **labels, **size)
    assert image.size == (200, 150)
    assert len(colours_of(image)) > 8


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "y",
    [
        *([5, 5, 5], [0], [1e100, -1e100], [1e-300, 2e-300], [5e-324, 0], [1e15, 1e15 + 0.125]),
        *([10**50, 2**63, -(10**100)], [2**64, 0.5]),
    ],
    ids=str,
)
def test_chart_of_constant_and_extreme_values_is_drawn(
    kind: str, y: list[float], tmp_path: Path
) -> None:
    image = image_of(tmp_path, kind=kind, series=[{"y": y}], width=4, height=3, dpi=50)
    assert len(colours_of(image)) > 4


def test_chart_of_the_most_points_is_drawn_in_bounded_time(tmp_path: Path) -> None:
    before = time.monotonic()
    series = [{"generate": "normal", "points": MAX_POINTS}]
    picture, result = run(RecordingContext(tmp_path), kind="scatter", series=series, format="svg")
    assert result["points"] == 50_000
    assert picture.count(b"<use ") >= 50_000
    assert len(picture) < 20_000_000
    assert time.monotonic() - before < 150


@pytest.mark.parametrize(
    ("series", "field"),
    [
        ([], "series"),
        ("line", "series"),
        ([{}], "series"),
        ([{"y": []}], "series.0.y"),
        ([{"y": None}], "series"),
        ([{"y": "1,2"}], "series.0.y"),
        ([{"y": [1, "2"]}], "series.0.y.1"),
        ([{"y": [1, True]}], "series.0.y.1"),
        ([{"y": [1, None]}], "series.0.y.1"),
        ([{"y": [float("nan")]}], "series.0.y.0"),
        ([{"y": [float("inf")]}], "series.0.y.0"),
        ([{"y": [1e101]}], "series.0.y.0"),
        ([{"y": [10**400]}], "series.0.y.0"),
        ([{"y": [0] * 1_000_000}], "series.0.y"),
        ([{"generate": "sine", "points": 1_000_000}], "series.0.points"),
        ([{"generate": "sine", "points": 0}], "series.0.points"),
        ([{"generate": "noise"}], "series.0.generate"),
        ([{"generate": "sine", "seed": -1}], "series.0.seed"),
        ([{"generate": "sine", "y": [1]}], "series.0.y"),
        ([{"y": [1, 2], "x": [1]}], "series.0.x"),
        ([{"generate": "sine", "points": 3, "x": [1]}], "series.0.x"),
        ([{"y": [1, 2], "x": [1, "2026-01-01"]}], "series.0.x"),
        ([{"y": [1], "x": [None]}], "series.0.x.0"),
        ([{"y": [1], "x": ["x" * 101]}], "series.0.x.0"),
        ([{"y": [1], "name": "x" * 61}], "series.0.name"),
        ([{"y": [1], "colour": "red"}], "series.0.colour"),
        ([{"y": [1]}] * 9, "series"),
        ([{"generate": "sine", "points": MAX_POINTS}, {"y": [1]}], "series"),
    ],
    ids=lambda each: str(each)[:40],
)
def test_chart_refuses_series_that_cannot_be_drawn_at_their_field(
    series: object, field: str
) -> None:
    assert list(refused(kind="line", series=series)) == [f"params.{field}"]


@pytest.mark.parametrize(
    ("kind", "series", "mentions"),
    [
        ("line", [{"y": [1]}, {}], "Series 2 has nothing to draw"),
        ("line", [{"y": [1], "x": ["soon"]}], "'soon' is neither a number nor an ISO 8601 date"),
        ("line", [{"y": [1], "x": ["0999-12-31"]}], "years 1000 to 3000"),
        ("line", [{"y": [1], "x": ["0001-01-01T00:00+10:00"]}], "'0001-01-01T00:00+10:00'"),
        ("scatter", [{"y": [1], "x": ["2026-01-01"]}, {"y": [1]}], "Some series have dates"),
        ("histogram", [{"y": [1], "x": [1]}], "a histogram has no use for"),
        ("bar", [{"y": [1, 2]}, {"y": [1]}], "equally long"),
        ("bar", [{"y": [1], "x": ["a"]}, {"y": [1], "x": ["b"]}], "other than that of the first"),
        ("bar", [{"generate": "sine", "points": 1001}], "more than 1,000 values"),
        ("heat_map", [{"y": [1, 2]}, {"y": [1]}], "equally long"),
    ],
)
def test_chart_says_which_series_do_not_go_together(
    kind: str, series: list[Any], mentions: str
) -> None:
    fields = refused(kind=kind, series=series)
    assert list(fields) == ["params.series"]
    assert mentions in fields["params.series"][0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "pie"),
        ("format", "pdf"),
        ("width", 3.9),
        ("width", 17),
        ("height", float("inf")),
        ("dpi", 201),
        ("dpi", 100.5),
        ("bins", 0),
        ("title", "x" * 201),
        ("x_label", "x" * 101),
        ("y_label", 5),
        ("theme", "dark"),
    ],
)
def test_chart_refuses_other_wrong_parameters_at_their_fields(name: str, value: object) -> None:
    assert list(refused(**({"kind": "line", "series": SMALL} | {name: value}))) == [
        f"params.{name}"
    ]

"""`number_crunch`: what `/number_request` did, exactly."""

import json
import math
import random
import statistics
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from app.errors import InvalidInput, JobCancelled, JobFailed
from app.job_types.number_crunch import MAX_NUMBERS, OPERATIONS, NumberCrunch, Operation
from app.job_types.registry import JobTypes
from tests.job_types.recording import RecordingContext
from tests.workbooks.reading import calamine_rows, openpyxl_rows

ALL = list(OPERATIONS)


def run(context: RecordingContext, numbers: list[Any], *operations: str) -> dict[str, Any]:
    params = {"numbers": numbers, "operations": list(operations) or ALL}
    return NumberCrunch().run(context, JobTypes.validate(NumberCrunch(), params))  # type: ignore[arg-type]


def refused(params: dict[str, Any]) -> dict[str, list[str]]:
    with pytest.raises(InvalidInput) as caught:
        JobTypes.validate(NumberCrunch(), params)
    return caught.value.fields


def test_number_crunch_calculates_every_operation_in_the_order_asked_for(tmp_path: Path) -> None:
    result = run(RecordingContext(tmp_path), [2, 4, 4, 4, 5, 5, 7, 9])
    assert list(result) == ALL
    assert result == {
        "count": 8,
        "sum": 40,
        "mul": 201_600,
        "min": 2,
        "max": 9,
        "range": 7,
        "mean": 5,
        "median": 4.5,
        "stdev": pytest.approx(math.sqrt(32 / 7), rel=1e-15),
        "pstdev": 2,
    }
    assert all(type(result[name]) is int for name in ("sum", "mul", "min", "max", "mean"))


def test_number_crunch_agrees_with_exact_fractions_on_random_numbers(tmp_path: Path) -> None:
    draw = random.Random(6)
    numbers = [draw.randint(-999, 999) for _ in range(20)]
    numbers += [draw.randint(-99_999, 99_999) / 1000 for _ in range(21)]
    draw.shuffle(numbers)
    exact = [Fraction(str(each)) for each in numbers]
    result = run(RecordingContext(tmp_path), numbers)
    assert result["sum"] == float(sum(exact))
    assert result["mul"] == float(math.prod(exact))
    assert result["range"] == float(max(exact) - min(exact))
    assert (result["mean"], result["median"]) == (
        float(statistics.mean(exact)),
        float(statistics.median(exact)),
    )
    assert result["stdev"] == statistics.stdev(exact)
    assert result["pstdev"] == statistics.pstdev(exact)


def test_number_crunch_takes_decimals_as_they_were_written(tmp_path: Path) -> None:
    numbers = json.loads("[0.1, 0.2, 1e22, -1e22]")
    result = run(RecordingContext(tmp_path), numbers, "sum", "mean", "min")
    assert result == {"sum": 0.3, "mean": 0.075, "min": "-1" + "0" * 22}


def test_number_crunch_takes_for_whole_what_is_whole_however_it_is_written(tmp_path: Path) -> None:
    texts = ("1e22, 5.0, -0.0", "10000000000000000000000, 5, 0")
    written, plain = (
        run(RecordingContext(tmp_path / str(number)), json.loads(f"[{text}]"))
        for number, text in enumerate(texts)
    )
    assert written == plain
    assert written["sum"] == str(10**22 + 5)
    assert {name: type(each) for name, each in written.items()} == {
        name: type(each) for name, each in plain.items()
    }


def test_number_crunch_keeps_whole_numbers_whole_at_any_size(tmp_path: Path) -> None:
    edge = 2**53
    few = run(RecordingContext(tmp_path / "few"), [edge - 2, 1], "sum")
    assert few == {"sum": edge - 1}, "each reader of JSON has this number right"
    many = run(RecordingContext(tmp_path / "many"), [edge - 1, 1, 10**3980], "sum", "mul", "max")
    assert many == {
        "sum": str(edge + 10**3980),
        "mul": str((edge - 1) * 10**3980),
        "max": "1" + "0" * 3980,
    }


@pytest.mark.parametrize(
    ("numbers", "operation"),
    [
        ([2] * 200_000, "mul"),
        ([10**3999] * 10, "sum"),
        ([10**3999 + 1, 10**3999 + 2], "mean"),
        ([10**400, 10**400 + 1], "median"),
        ([1e308, 1e308, 0.5], "sum"),
        ([1e308] * 50_000, "mul"),
        ([10**3000, 0.5], "sum"),
        ([10**3000, -(10**3000)], "stdev"),
    ],
)
def test_number_crunch_says_overflow_soon_and_keeps_no_file(
    numbers: list[Any], operation: str, tmp_path: Path
) -> None:
    context, before = RecordingContext(tmp_path), time.monotonic()
    with pytest.raises(JobFailed, match=f"The result of {operation} is too large") as caught:
        run(context, numbers, operation)
    assert caught.value.code == "result_too_large"
    assert time.monotonic() - before < 60
    assert context.files() == []


def test_number_crunch_multiplies_many_numbers_whose_product_is_small(tmp_path: Path) -> None:
    ones = [1, -1] * 50_000
    assert run(RecordingContext(tmp_path / "1"), ones, "mul") == {"mul": 1}
    zero = [10**3999] * 20 + [0]
    assert run(RecordingContext(tmp_path / "2"), zero, "mul") == {"mul": 0}
    decimals = [1e-300, 1e300] * 10_000 + [1.5]
    assert run(RecordingContext(tmp_path / "3"), decimals, "mul") == {"mul": 1.5}


def test_number_crunch_writes_numbers_and_results_into_a_workbook(tmp_path: Path) -> None:
    context = RecordingContext(tmp_path)
    result = run(context, [0.1, 10**20, -7], "sum", "max", "min")
    assert context.stored is not None and context.stored.name == "number_crunch.xlsx"
    assert openpyxl_rows(context.path(), "Numbers") == [
        ["Position", "Value"],
        [1, 0.1],
        [2, "100000000000000000000"],
        [3, -7],
    ]
    rows = calamine_rows(context.path(), "Results")
    assert rows == [["Operation", "Value"], *([name, each] for name, each in result.items())]


def test_number_crunch_goes_through_a_large_list_and_can_be_cancelled_inside_an_operation(
    tmp_path: Path,
) -> None:
    draw = random.Random(1)
    numbers = [draw.randint(0, 10**6) for _ in range(60_000)]
    whole = RecordingContext(tmp_path / "whole")
    result = run(whole, numbers, "sum", "median", "stdev")
    assert result["sum"] == sum(numbers)
    assert result["median"] == statistics.median(numbers)
    fractions = [fraction for fraction, _ in whole.reports]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert any("stdev: 40,000 of 60,000" in message for _, message in whole.reports)
    cancelled = RecordingContext(tmp_path / "cancelled", cancel_at=10)
    with pytest.raises(JobCancelled):
        run(cancelled, numbers, "sum", "median", "stdev")
    assert cancelled.reports[-1][1].startswith("sum: ")
    assert cancelled.files() == []


def test_number_crunch_of_one_number_gives_what_one_number_has(tmp_path: Path) -> None:
    rest = [name for name in ALL if name != "stdev"]
    result = run(RecordingContext(tmp_path), [5], *rest)
    assert result == dict.fromkeys(rest, 5) | {"count": 1, "range": 0, "pstdev": 0}


def test_number_crunch_gets_a_new_operation_by_one_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(OPERATIONS, "odd", Operation(lambda numbers: sum(n % 2 for n in numbers)))
    assert run(RecordingContext(tmp_path), [1, 2, 3], "odd") == {"odd": 2}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (True, "finite number"),
        ("5", "finite number"),
        (None, "finite number"),
        ([1], "finite number"),
        ({}, "finite number"),
        (float("nan"), "not a finite number"),
        (float("inf"), "not a finite number"),
        (json.loads("-1e400"), "not a finite number"),
        (10**4000, "more than 4,000 digits"),
    ],
    ids=lambda each: str(each)[:12],
)
def test_number_crunch_refuses_what_is_no_number_at_its_place(bad: object, message: str) -> None:
    fields = refused({"numbers": [1, bad, 3], "operations": ["sum"]})
    assert list(fields) == ["params.numbers.1"]
    assert len(fields["params.numbers.1"]) == 1
    assert message in fields["params.numbers.1"][0]


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"operations": ["sum"]}, "numbers"),
        ({"numbers": [], "operations": ["sum"]}, "numbers"),
        ({"numbers": 5, "operations": ["sum"]}, "numbers"),
        ({"numbers": "1,2,3", "operations": ["sum"]}, "numbers"),
        ({"numbers": [1]}, "operations"),
        ({"numbers": [1], "operations": []}, "operations"),
        ({"numbers": [1], "operations": "sum"}, "operations"),
        ({"numbers": [1], "operations": ["sum", "divide"]}, "operations.1"),
        ({"numbers": [1], "operations": ["sum", 5]}, "operations.1"),
        ({"numbers": [1], "operations": ["sum", "sum"]}, "operations"),
        ({"numbers": [1], "operations": ["sum", "stdev"]}, "operations"),
        ({"numbers": [1], "operations": ["sum"], "precision": 2}, "precision"),
    ],
)
def test_number_crunch_refuses_wrong_parameters_at_their_fields(
    params: dict[str, Any], field: str
) -> None:
    assert list(refused(params)) == [f"params.{field}"]


def test_number_crunch_takes_half_a_million_numbers_and_not_a_million() -> None:
    before = time.monotonic()
    params = {"numbers": [7] * MAX_NUMBERS, "operations": ["sum"]}
    assert len(JobTypes.validate(NumberCrunch(), params).numbers) == 500_000  # type: ignore[attr-defined]
    fields = refused({"numbers": [7] * 1_000_000, "operations": ["sum"]})
    assert list(fields) == ["params.numbers"]
    assert time.monotonic() - before < 60


def test_number_crunch_says_which_operation_needs_more_numbers() -> None:
    fields = refused({"numbers": [1], "operations": ["stdev"]})
    assert fields == {"params.operations": ["stdev needs at least 2 numbers"]}

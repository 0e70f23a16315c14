"""What every job type promises, tried on each of them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.errors import JobCancelled
from app.job_types import registry
from app.job_types.base import JobType, Parameters
from tests.job_types.recording import RecordingContext
from tests.job_types.schemas import check_schema

ROOT = Path(__file__).resolve().parents[2]
JOB_TYPES = registry.load(["app.job_types"])
OUTSIDE = ["celery", "flask", "redis", "socketio", "sqlalchemy"]

each_type = pytest.mark.parametrize("job_type", list(JOB_TYPES), ids=lambda it: it.name)
AnyType = JobType[Any]
MakeContext = Callable[..., RecordingContext]


def example_of(job_type: AnyType) -> Parameters:
    return JOB_TYPES.validate(job_type, dict(job_type.example))


@each_type
def test_its_example_runs_to_an_end_and_gives_json(
    job_type: AnyType, make_context: MakeContext, tmp_path: Path
) -> None:
    result = job_type.run(make_context(tmp_path), example_of(job_type))
    assert isinstance(result, dict)
    assert json.loads(json.dumps(result, allow_nan=False)) == result


@each_type
def test_its_progress_never_falls_and_stays_between_nought_and_one(
    job_type: AnyType, make_context: MakeContext, tmp_path: Path
) -> None:
    context = make_context(tmp_path)
    job_type.run(context, example_of(job_type))
    fractions = [fraction for fraction, _ in context.reports]
    assert fractions == sorted(fractions)
    assert all(0 <= fraction <= 1 for fraction in fractions)
    assert all(len(message) <= 200 for _, message in context.reports)


@each_type
def test_its_file_is_complete_or_absent_when_it_is_cancelled(
    job_type: AnyType, make_context: MakeContext, tmp_path: Path
) -> None:
    whole = make_context(tmp_path / "whole")
    job_type.run(whole, example_of(job_type))
    for call in {1, len(whole.reports)} if whole.reports else set():
        cancelled = make_context(tmp_path / str(call), cancel_at=call)
        with pytest.raises(JobCancelled):
            job_type.run(cancelled, example_of(job_type))
        assert len(cancelled.reports) == call
        assert cancelled.files() == ([] if cancelled.stored is None else [cancelled.path()])


@each_type
def test_a_full_disk_fails_it_and_leaves_nothing(
    job_type: AnyType, make_context: MakeContext, tmp_path: Path
) -> None:
    whole = make_context(tmp_path / "whole")
    job_type.run(whole, example_of(job_type))
    size = whole.stored.size if whole.stored else 0
    for room in range(0, size, max(size // 4, 1)):
        context = make_context(tmp_path / str(room), disk_bytes=room)
        with pytest.raises(OSError, match="No space left"):
            job_type.run(context, example_of(job_type))
        assert context.files() == []


@each_type
def test_its_schema_is_json_schema_and_explains_every_parameter(job_type: AnyType) -> None:
    schema = json.loads(json.dumps(job_type.parameters.model_json_schema(), allow_nan=False))
    check_schema(schema)
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    for name, each in schema["properties"].items():
        assert each.get("description"), f"{name} has no description"


@each_type
def test_it_is_pure_work(job_type: AnyType) -> None:
    """Its module runs without web, queue and database, in a fresh interpreter."""
    program = f"import sys, {type(job_type).__module__}; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert type(job_type).__module__ in done.stdout.splitlines()
    assert not set(OUTSIDE) & set(done.stdout.splitlines())


@each_type
def test_its_parameters_survive_the_database(job_type: AnyType) -> None:
    """The worker reads from JSON what the server wrote as JSON."""
    parameters = example_of(job_type)
    stored = json.loads(json.dumps(parameters.model_dump(mode="json")))
    assert JOB_TYPES.validate(job_type, stored) == parameters


def test_the_types_of_this_release_are_found() -> None:
    assert {"activity_report", "add", "excel_test", "wait"} <= {each.name for each in JOB_TYPES}
    assert [each.name for each in JOB_TYPES] == sorted(each.name for each in JOB_TYPES)

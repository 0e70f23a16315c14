"""`docs/job-types.md`: each call that it shows is accepted, and answered as it says."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.job_types import registry
from tests.docs.pages import ROOT, blocks, text_of
from tests.job_types.recording import RecordingContext

PAGE = "docs/job-types.md"
JOB_TYPES = registry.load(["app.job_types"])
SHOWN = [json.loads(each) for each in blocks(PAGE, "json")]
TIMES = {"at", "finished_at"}


@pytest.mark.parametrize(
    ("call", "answer"),
    list(zip(SHOWN[::2], SHOWN[1::2], strict=True)),
    ids=[each["type"] for each in SHOWN[::2]],
)
def test_the_call_that_it_shows_has_the_result_that_it_shows(
    call: Any, answer: Any, make_context: Callable[..., RecordingContext], tmp_path: Path
) -> None:
    job_type = JOB_TYPES.get(call["type"])
    result = job_type.run(make_context(tmp_path), JOB_TYPES.validate(job_type, call["params"]))
    assert list(result) == list(answer)
    counted = call["type"] == "activity_report"  # depends on who asks
    same = {} if counted else {name: each for name, each in answer.items() if name not in TIMES}
    assert {name: result[name] for name in same} == same


def test_it_names_every_type_and_every_operation() -> None:
    text = text_of(PAGE)
    names = {each.name for each in JOB_TYPES if is_committed(type(each).__module__)}
    assert "chart" in names
    assert {
        each for each in names if f"## {each}\n" not in text and f"`{each}`" not in text
    } == set()
    known = JOB_TYPES.get("number_crunch").parameters.model_json_schema()
    operations = known["properties"]["operations"]["items"]["enum"]
    assert [each for each in operations if f"`{each}`" not in text] == []


def is_committed(module: str) -> bool:
    """Whether it came with Ringback: a type of one's own need not be on the page."""
    command = ["git", "ls-files", "--error-unmatch", f"{module.replace('.', '/')}.py"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0

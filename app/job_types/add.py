"""Add two numbers: the smallest job, to see and to measure the way there and back."""

from typing import Annotated

from pydantic import Field, PlainValidator, WithJsonSchema

from app.job_types.base import JobContext, JobType, Json, Parameters

LIMIT = 10**15
"""Far enough from 2^53 that the sum is exact for every reader of JSON."""

_RANGE = f"a number from -{LIMIT:,} to {LIMIT:,}"


def _in_range(value: object) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LIMIT:
        raise ValueError(f"Input should be {_RANGE}")
    return value


# One validator, not a union of two types, so that a mistake gets one message.
Number = Annotated[
    int | float,
    PlainValidator(_in_range),
    WithJsonSchema({"type": "number", "minimum": -LIMIT, "maximum": LIMIT}),
]


class AddParameters(Parameters):
    """Two numbers."""

    a: Number = Field(description=f"{_RANGE.capitalize()}; whole ones are added exactly.")
    b: Number = Field(description=f"{_RANGE.capitalize()}.")


class Add(JobType[AddParameters]):
    """Adds two numbers."""

    name = "add"
    title = "Add two numbers"
    parameters = AddParameters
    example = {"a": 2, "b": 3}

    def run(self, context: JobContext, parameters: AddParameters) -> dict[str, Json]:
        """See `JobType.run`."""
        return {"sum": parameters.a + parameters.b}

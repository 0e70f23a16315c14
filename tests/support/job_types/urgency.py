"""Types that differ in their priority, and one of which a user may have one at a time."""

from app.job_types.base import JobContext, JobType, Json
from tests.support.job_types.troubled import NoParameters


class Middling(JobType[NoParameters]):
    """As urgent as types are that say nothing of it."""

    name = "middling"
    title = "Middling"
    parameters = NoParameters
    example = {}

    def run(self, context: JobContext, parameters: NoParameters) -> dict[str, Json]:
        return {}


class Urgent(Middling):
    """Before all others."""

    name = "urgent"
    title = "Urgent"
    priority = 0


class Patient(Middling):
    """After all others."""

    name = "patient"
    title = "Patient"
    priority = 9


class OneAtATime(Middling):
    """One with the workers for each user; others wait."""

    name = "one_at_a_time"
    title = "One at a time"
    max_active_per_user = 1

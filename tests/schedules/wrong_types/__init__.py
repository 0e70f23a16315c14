"""A job type whose timetable is of no use; loaded by one test."""

from app.job_types.base import Timetable
from tests.support.job_types.urgency import Middling


class NeverRuns(Middling):
    """On a day that there is not."""

    name = "never_runs"
    title = "Never run"
    timetables = (Timetable("never", "0 0 30 2 *"),)

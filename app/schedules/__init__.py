"""Jobs that begin by themselves: each user's schedules, and those that job types bring along."""

"""How schedules look outside, and who works that out."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from cronsim import CronSim
from flask import Flask

from app.schedules import timing
from app.schedules.view import schedule_view
from app.services import EXTENSION, services
from tests.schedules.conftest import World


def test_schedules_next_runs_are_looked_for_beside_the_event_loop(
    app: Flask, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = world.add(cron="7 11 29 2 SUN#5")
    threads: set[threading.Thread] = set()

    def look(*args: Any) -> Any:
        threads.add(threading.current_thread())
        return CronSim(*args)

    monkeypatch.setattr(timing, "CronSim", look)
    with ThreadPoolExecutor() as pool:

        def offload(*work: Any) -> Any:
            return pool.submit(*work).result()

        monkeypatch.setitem(app.extensions, EXTENSION, replace(services(), offload=offload))
        runs = schedule_view(schedule, world.now())["next_runs"]
    assert len(runs) == 5
    assert len(threads) == 1
    assert threading.current_thread() not in threads

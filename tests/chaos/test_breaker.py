"""What is broken is mended again, and what ends although nobody broke it is found."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from tests.chaos import breaker
from tests.chaos.__main__ import DOES_NOT_COUNT, LOST, PASSED, judge
from tests.chaos.breaker import Breaker
from tests.chaos.schedule import KILLS, OTHERS, PROCESSES, Fault
from tests.faults.cluster import Cluster
from tests.support.waiting import wait_for


@dataclass
class Fake:
    """Ends when it is told to, with a status; takes note of what is done to it."""

    name: str
    up: bool = True
    frozen: bool = False
    exit_status: int = 0
    done: list[str] = field(default_factory=list)

    def kill(self) -> None:
        self.done.append("kill")
        self.up = False

    def terminate(self) -> None:
        self.done.append("terminate")
        self.up = False

    def freeze(self) -> None:
        assert self.up
        self.frozen = True

    def thaw(self) -> None:
        self.done.append("pause")
        self.frozen = False

    def start(self) -> None:
        assert not self.up
        self.up = True

    def runs(self) -> bool:
        return self.up

    answers = is_ready = runs

    def status(self) -> int:
        return self.exit_status


class Scene:
    """A cluster of fakes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.targets = {
            each: [Fake(f"{each} 1")] + [Fake(f"{each} 2")] * (each in {"server", "worker", "beat"})
            for each in PROCESSES
        }
        self.findings: list[str] = []
        self.said: list[str] = []
        monkeypatch.setattr(breaker, "targets_of", lambda _: self.targets)
        monkeypatch.setattr(breaker, "LOOK_SECONDS", 0.01)

    def run(self, *faults: Fault) -> Breaker:
        made = Breaker(cast(Cluster, None), list(faults), self.said.append, self.findings)

        def done() -> bool:
            made.turn()
            return made.done

        wait_for(done, "the end of all faults")
        return made


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def test_faults_of_all_kinds_at_one_instant_leave_everything_whole(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    others: Counter[str] = Counter()
    for name in ("cut_sessions", "cut_subscribers", "flush"):
        monkeypatch.setattr(breaker, name, lambda _, name=name: others.update([name]))
    monkeypatch.setattr(breaker, "Application", Fake)
    monkeypatch.setattr(Fake, "kill_child", lambda _: True, raising=False)
    kinds = [*KILLS, *OTHERS]
    made = scene.run(*(Fault(0.0, process, kind, 0, 0.05) for process, kind in kinds))
    assert made.counts == Counter(kinds)
    assert others == {"cut_sessions": 1, "cut_subscribers": 1, "flush": 1}
    everything = [each for of_a_kind in scene.targets.values() for each in of_a_kind]
    assert all(each.up and not each.frozen for each in everything)
    assert scene.findings == []


def test_a_restart_takes_each_of_its_kind_in_turn(scene: Scene) -> None:
    scene.run(Fault(0.0, "worker", "restart", 0, 0.0))
    assert [each.done for each in scene.targets["worker"]] == [["terminate"], ["terminate"]]
    assert scene.said == ["restart worker 1", "restart worker 2"]


def test_a_process_for_jobs_that_is_not_there_yet_is_waited_for_and_killed(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = iter([False, False, True])
    monkeypatch.setattr(breaker, "Application", Fake)
    monkeypatch.setattr(Fake, "kill_child", lambda _: next(there), raising=False)
    scene.run(Fault(0.0, "worker", "kill child", 0, 0.0))
    assert list(there) == []
    assert scene.findings == []


def test_a_process_for_jobs_that_never_comes_is_found(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(breaker, "Application", Fake)
    monkeypatch.setattr(breaker, "UP_SECONDS", 0.0)
    monkeypatch.setattr(Fake, "kill_child", lambda _: False, raising=False)
    scene.run(Fault(0.0, "worker", "kill child", 0, 0.0))
    assert scene.findings == ["worker 1 had no process to kill for 0 s"]


def test_the_last_fault_is_over_when_it_is_mended(scene: Scene) -> None:
    begin = time.time()
    made = scene.run(Fault(0.1, "beat", "pause", 1, 0.2))
    assert made.ended_at >= begin + 0.3


def test_what_ends_by_itself_is_found_and_started_again(scene: Scene) -> None:
    scene.targets["beat"][0].up = False
    scene.targets["beat"][0].exit_status = 7
    scene.run(Fault(0.1, "worker", "kill", 0, 0.0))
    assert scene.findings == ["beat 1 ended by itself, with status 7"]
    assert scene.targets["beat"][0].up


def test_what_does_not_end_well_at_a_restart_is_found(scene: Scene) -> None:
    scene.targets["worker"][1].exit_status = 1
    scene.run(Fault(0.0, "worker", "restart", 0, 0.0))
    assert scene.findings == ["worker 2 ended with status 1 at SIGTERM"]


@dataclass
class Outcome:
    findings: list[str]
    missed: list[str]


@pytest.mark.parametrize(
    ("findings", "missed", "status"),
    [
        ([], [], PASSED),
        (["a gap"], [], LOST),
        (["a gap"], ["too few"], LOST),
        ([], ["too few jobs"], DOES_NOT_COUNT),
    ],
)
def test_a_loss_and_a_run_that_saw_too_little_end_with_statuses_of_their_own(
    findings: list[str], missed: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome: Any = Outcome(findings, missed)
    assert judge(outcome, "the table") == status
    shown = capsys.readouterr().out
    assert all(each in shown for each in ["the table", *findings])

"""What comes late is heard, and the defects of clients that no number tells are found."""

import queue
import re
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import pytest

from app.config import Settings
from tests.chaos import run
from tests.chaos.accounts import Account
from tests.chaos.hosts import ANYTHING, ERRORS, Host
from tests.chaos.judgement import Auditor, LastAudit, thieves
from tests.chaos.run import Run, Wanted
from tests.chaos.test_load import Scene
from tests.faults.ledger import Ledger
from tests.support.in_process import Caller
from tests.support.stack import Stack
from tests.support.waiting import wait_for

OTHER_CHECKS = ["_inboxes", "_artifacts", "_files", "_locks"]


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_audit_hears_what_the_clients_say_while_it_goes_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The number itself, after everything else was judged, and then a duplicate of it."""
    monkeypatch.setattr(LastAudit, "_states", lambda _: {})
    monkeypatch.setattr(LastAudit, "_query", lambda *_: [(scene.account.user_id, 1)])
    for each in OTHER_CHECKS:
        monkeypatch.setattr(LastAudit, each, lambda _: iter([]))
    monkeypatch.setattr(LastAudit, "_idle", lambda _: ring(scene))
    ledger = Ledger()
    ledger.heard.append(scene.account)
    audit = LastAudit(cast(Stack, None), ledger, 5.0, scene.load.listen)
    audit.run()
    assert scene.account.cursor == 1
    with pytest.raises(AssertionError, match="duplicate: number 1"):
        LastAudit(cast(Stack, None), ledger, 0.1, scene.load.listen).run()


def ring(scene: Scene) -> Any:
    """What a client says when it was given number 1."""
    notification = {"seq": 1, "type": "told", "job_id": None}
    notification |= {"created_at": "2026-01-01T00:00:00+00:00"}
    scene.lines.put({"user": 0, "what": "raw", "seq": 1, "at": 0.0})
    scene.lines.put({"user": 0, "what": "given", "notification": notification, "at": 0.0})
    yield from ()


def test_the_drain_waits_for_what_comes_late(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(run, "LATE_SECONDS", 0.2)
    monkeypatch.setattr(Run, "_drained", lambda _: True)
    monkeypatch.setattr(Run, "_state", lambda _: "")
    with ExitStack() as stack:
        made = Run(Wanted(1, 1, 2), tmp_path, stack)
        made._load = scene.load
        list(ring(scene))
        made._drain()
    assert (scene.account.cursor, made.findings) == (1, [])


def test_an_audit_that_outlasts_its_token_goes_on(stack: Stack) -> None:
    user = stack.new_user()
    assert user.email is not None
    auditor = Auditor(Ledger(), stack.url, user.email, user.password)
    auditor.http.headers["Authorization"] = "Bearer over"
    assert auditor.ok("GET", "/v1/jobs")["items"] == []


def test_a_client_that_uses_a_refresh_token_twice_is_found(
    settings: Settings, user: Caller
) -> None:
    url, account = settings.database_url.get_secret_value(), Account("somebody", user.id)
    second = user.refresh().get_json()["refresh_token"]
    assert user.refresh(second).status_code == 200
    assert [each for each in thieves(url, [account]) if "somebody" in each] == []
    assert user.refresh().get_json()["code"] == "refresh_reused"
    (found,) = [each for each in thieves(url, [account]) if "somebody" in each]
    assert "refresh_reused" in found


@pytest.mark.parametrize(
    ("wrong", "said", "found"),
    [
        (ERRORS, "ERROR app.client.delivery: a callback raised; what comes next goes on", 1),
        (ERRORS, "Exception in thread x:\nTraceback (most recent call last):\n  File", 1),
        (ERRORS, "WARNING urllib3: anything", 0),
        (ANYTHING, "(node:1) MaxListenersExceededWarning: Possible memory leak", 1),
        (ANYTHING, "\n", 0),
    ],
)
def test_what_is_wrong_in_the_log_of_clients_is_found_when_they_end(
    wrong: re.Pattern[str], said: str, found: int, tmp_path: Path
) -> None:
    findings: list[str] = []
    log = tmp_path / "some.log"
    script = f"import sys; sys.stderr.write({said!r}); sys.stderr.flush(); sys.stdin.read()"
    host = Host([sys.executable, "-c", script], queue.Queue(), log, wrong, findings)
    wait_for(lambda: log.read_text() == said, "its log")
    host.end()
    assert len(findings) == found, findings
    assert all("some.log" in each for each in findings)


def test_clients_that_end_by_themselves_are_found(tmp_path: Path) -> None:
    findings: list[str] = []
    script = "raise SystemExit(3)"
    host = Host([sys.executable, "-c", script], queue.Queue(), tmp_path / "log", ERRORS, findings)
    wait_for(lambda: host._process.poll() is not None, "its end")
    host.end()
    assert findings == [f"a process of clients ended by itself (3): {tmp_path / 'log'}"]

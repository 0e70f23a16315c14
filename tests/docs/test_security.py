"""The page on security names tests that there are, and headers and limits as they are."""

import re

from app.api.headers import SECURITY_HEADERS
from app.api.throttle import LONGEST_WAIT_SECONDS, MEMORY_SECONDS, STRANGERS
from app.config import Settings
from app.engine.wire import HEAD_SECONDS, LINE_BYTES, SILENT_SECONDS
from app.sockets.packets import MOST_BYTES
from app.sockets.strangers import STRANGER_SECONDS
from tests.docs.pages import ROOT, blocks, section, text_of

PAGE = "docs/security.md"


def test_every_test_that_the_page_on_security_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", text_of(PAGE)))
    written = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    assert len(named) > 20
    assert [name for name in named if f"def {name}(" not in written] == []


def test_the_page_shows_the_headers_that_are_sent() -> None:
    (shown,) = blocks(PAGE, "text")
    assert shown.splitlines() == [f"{name}: {value}" for name, value in SECURITY_HEADERS]


def test_the_page_tells_limits_as_they_are() -> None:
    fields = Settings.model_fields
    guessing, limits = section(PAGE, "Guessing"), section(PAGE, "Limits")
    account = fields["login_attempts_per_account"].default
    for text in (
        f"`login_attempts_per_account` ({account})",
        f"`login_attempts_per_address` ({fields['login_attempts_per_address'].default})",
        f"{STRANGERS} × `login_attempts_per_account` ({STRANGERS * account})",
        f"4 … {LONGEST_WAIT_SECONDS} s",
        f"after {MEMORY_SECONDS // 60} minutes",
    ):
        assert text in guessing
    for text in (
        f"`requests_per_minute` ({fields['requests_per_minute'].default:,})",
        f"{HEAD_SECONDS:.0f} s",
        f"{SILENT_SECONDS:.0f} s",
        f"{LINE_BYTES // 1024} KiB",
    ):
        assert text in limits
    named = set(re.findall(r"`((?!test_)[a-z]+_[a-z_]+)`", guessing + limits))
    codes = {"slow_client", "too_many_events", "too_many_connections"}
    codes |= {"server_full", "server_busy", "too_many_waiting", "too_many_uploads"}
    assert named - codes <= set(fields)
    assert f"{MOST_BYTES // 1024} KiB waiting" in limits
    assert f"| {STRANGER_SECONDS:.0f} s |" in limits

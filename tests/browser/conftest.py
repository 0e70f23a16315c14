"""Headless Chromium, as Debian packages it."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.browser.tab import Tab

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# One for each module rather than for the run: while it lives, this thread has an event loop, which
# tests elsewhere may want to have for themselves.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("There is no Chromium: install Debian's package `chromium`.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One person's browser, empty."""
    context = browser.new_context(locale="en-GB")
    yield context
    context.close()


@pytest.fixture
def open_tab(context: BrowserContext) -> Iterator[Callable[..., Tab]]:
    """Makes tabs of one browser; at the end no script may have failed in any of them."""
    tabs: list[Tab] = []

    def make(url: str, *, from_disk: bool = False) -> Tab:
        tabs.append(Tab(context, url, from_disk=from_disk))
        return tabs[-1]

    yield make
    assert [error for tab in tabs for error in tab.errors] == []

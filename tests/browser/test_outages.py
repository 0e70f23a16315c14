"""The server goes away and comes back."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.tab import Tab
from tests.support.database import query
from tests.support.stack import Stack
from tests.support.waiting import wait_for

OpenTab = Callable[..., Tab]


def test_the_page_recovers_by_itself_and_has_missed_nothing(
    own_stack: Stack, open_tab: OpenTab
) -> None:
    user = own_stack.new_user()
    tab = open_tab(own_stack.url).sign_in_as(user)
    tab.run("add", a=1, b=2)
    ends_meanwhile = tab.start("wait", seconds=2)
    own_stack.server.stop()
    tab.wait_for_state("offline")
    expect(tab.find("#connection-text")).to_contain_text("offline: ")
    expect(tab.find("#retry-in")).to_contain_text("Next try in")
    expect(tab.find("#retry")).to_be_visible()
    _wait_for_end(own_stack, ends_meanwhile)
    own_stack.server.start()
    tab.wait_for_state("live")
    tab.wait_for_job(ends_meanwhile, "succeeded")
    tab.wait_for_message(2)
    assert tab.numbers == [2, 1]
    tab.run("add", a=3, b=4)
    assert tab.numbers == [3, 2, 1]


def test_without_a_server_a_start_is_refused_in_plain_words(
    own_stack: Stack, open_tab: OpenTab
) -> None:
    tab = open_tab(own_stack.url).sign_in_as(own_stack.new_user())
    own_stack.server.stop()
    form = tab.form("add")
    form.locator("[data-role=start]").click()
    expect(form.locator("[data-role=error]")).to_contain_text("does not answer")
    own_stack.server.start()
    tab.find("#retry").or_(tab.find("#connection[data-state=live]")).first.wait_for()
    tab.wait_for_state("live")
    tab.run("add", a=1, b=2)
    expect(form.locator("[data-role=error]")).to_be_hidden()


def _wait_for_end(stack: Stack, job_id: str) -> None:
    """Wait until the job has ended, while there is no server to ask."""
    sql = "SELECT 1 FROM jobs WHERE id = %s AND finished_at IS NOT NULL"
    wait_for(lambda: query(stack.database_url, sql, job_id), f"end of {job_id}")

"""Tabs of one user share one connection; the others take over when the one that has it goes."""

import re
from collections.abc import Callable
from contextlib import suppress

import requests
from playwright.sync_api import Browser, Error, expect

from tests.browser.tab import Tab
from tests.support.api import Api
from tests.support.stack import Stack
from tests.support.waiting import wait_for

OpenTab = Callable[..., Tab]

# Sees everything that the page is told, also what it would not show twice.
DELIVERED = "() => (window.delivered ?? [])"
LISTEN = """() => {
  window.delivered = [];
  ringback.addEventListener("notification", ({ detail }) =>
    window.delivered.push(detail.notification.seq));
}"""


def connections(stack: Stack) -> int:
    """How many clients the server has, as it says itself."""
    text = requests.get(f"{stack.url}/metrics", timeout=10).text
    found = re.search(r"^ringback_socket_connections (\d+)", text, re.MULTILINE)
    assert found, text
    return int(found[1])


def sign_in(open_tab: OpenTab, stack: Stack, user: Api) -> Tab:
    tab = open_tab(stack.url).sign_in_as(user)
    tab.page.evaluate(LISTEN)
    return tab


def leads(tab: Tab) -> bool:
    return bool(tab.page.evaluate("ringback.hasConnection"))


def delivered(tab: Tab) -> list[int]:
    numbers: list[int] = tab.page.evaluate(DELIVERED)
    return numbers


def wait_until_it_leads(tab: Tab) -> None:
    wait_for(lambda: leads(tab), "another tab takes over")
    tab.wait_for_state("live")


def test_two_tabs_of_a_user_have_one_connection_and_both_are_told_once(
    own_stack: Stack, open_tab: OpenTab
) -> None:
    user = own_stack.new_user()
    tabs = [sign_in(open_tab, own_stack, user) for _ in range(2)]
    assert [leads(tab) for tab in tabs] == [True, False]
    wait_for(lambda: connections(own_stack) == 1, "one connection")
    tabs[1].run("add", a=1, b=2)
    tabs[0].run("add", a=3, b=4)
    for tab in tabs:
        tab.wait_for_message(2)
        assert delivered(tab) == [1, 2]
        assert tab.numbers == [2, 1]
        expect(tab.find("#jobs > [data-state=succeeded]")).to_have_count(2)
    assert connections(own_stack) == 1
    crashes_and_is_replaced(own_stack, user, tabs)


def crashes_and_is_replaced(stack: Stack, user: Api, tabs: list[Tab]) -> None:
    """The leader's process dies while numbers come in."""
    first, second = tabs
    jobs = [user.submit("add", a=number, b=0) for number in range(5)]
    with suppress(Error):  # that is what a crash looks like
        first.page.goto("chrome://crash", timeout=3000)
    jobs += [user.submit("add", a=number, b=1) for number in range(5)]
    second.wait_for_message(12)
    wait_until_it_leads(second)
    assert delivered(second) == list(range(1, 13))
    assert second.numbers == list(range(12, 0, -1))
    wait_for(lambda: connections(stack) == 1, "one connection")


def test_when_the_first_tab_is_closed_the_other_goes_on_without_a_gap(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    first, second = (sign_in(open_tab, stack, user) for _ in range(2))
    for number in range(4):
        user.submit("add", a=number, b=0)
    first.page.close()
    for number in range(4):
        user.submit("add", a=number, b=1)
    second.wait_for_message(8)
    wait_until_it_leads(second)
    assert delivered(second) == list(range(1, 9))


def test_tabs_of_different_users_share_nothing(stack: Stack, user: Api, open_tab: OpenTab) -> None:
    other = stack.new_user()
    mine, theirs = sign_in(open_tab, stack, user), sign_in(open_tab, stack, other)
    assert leads(mine) and leads(theirs)
    mine.run("add", a=1, b=2)
    theirs.run("add", a=3, b=4)
    assert (delivered(mine), delivered(theirs)) == ([1], [1])
    assert mine.find("#jobs > li").count() == theirs.find("#jobs > li").count() == 1


def test_a_follower_that_is_reloaded_keeps_its_place_and_catches_up(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    first, second = (sign_in(open_tab, stack, user) for _ in range(2))
    first.run("add", a=1, b=2)
    second.wait_for_message(1)
    second.page.goto("about:blank")
    for number in (2, 3):
        first.run("add", a=number, b=0)
    second.open().wait_for_state("live")
    second.wait_for_message(3)
    assert not leads(second)
    assert second.rings == ["2 notifications"]
    second.page.reload()
    second.wait_for_state("live")
    assert (second.numbers, second.rings) == ([3, 2, 1], [])


def test_what_a_follower_did_not_hear_it_reads(stack: Stack, user: Api, open_tab: OpenTab) -> None:
    first, second = (sign_in(open_tab, stack, user) for _ in range(2))
    # Numbers that the leader passes on while this one is not listening.
    second.page.evaluate("ringback.stop()")
    first.run("add", a=1, b=2)
    second.page.evaluate("ringback.start()")
    first.run("add", a=3, b=4)
    second.wait_for_message(2)
    assert delivered(second) == [1, 2]


def test_a_follower_that_hears_a_number_too_early_reads_what_lies_between(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    first, second = (sign_in(open_tab, stack, user) for _ in range(2))
    first.run("add", a=1, b=2)
    second.wait_for_message(1)
    with second.page.expect_response("**/v1/notifications?after=1&limit=200") as answer:
        first.page.evaluate(
            """() => {
              const channel = new BroadcastChannel(`ringback ${ringback.url} ${ringback.user.id}`);
              const payload = { seq: 99, tombstone: true };
              channel.postMessage({ kind: "event", name: "notification", payload });
            }"""
        )
    assert answer.value.ok
    first.run("add", a=3, b=4)
    second.wait_for_message(2)
    assert delivered(second) == [1, 2]


def test_without_locks_each_tab_has_its_own_connection(own_stack: Stack, open_tab: OpenTab) -> None:
    """As over plain HTTP at another name than `localhost`."""
    user = own_stack.new_user()
    tabs = [open_tab(own_stack.url) for _ in range(2)]
    for tab in tabs:
        tab.page.add_init_script("delete Navigator.prototype.locks")
        tab.sign_in_as(user)
        tab.page.evaluate(LISTEN)
    assert [leads(tab) for tab in tabs] == [True, True]
    wait_for(lambda: connections(own_stack) == 2, "two connections")
    tabs[0].run("add", a=1, b=2)
    tabs[1].wait_for_message(1)
    assert [delivered(tab) for tab in tabs] == [[1], [1]]


def test_read_in_one_tab_is_read_in_the_others_and_in_other_browsers(
    stack: Stack, user: Api, open_tab: OpenTab, browser: Browser
) -> None:
    first, second = (sign_in(open_tab, stack, user) for _ in range(2))
    elsewhere = Tab(browser.new_context(), stack.url).sign_in_as(user)
    first.run("add", a=1, b=2)
    for tab in (first, second, elsewhere):
        expect(tab.find("#unread")).to_have_text("1 unread")
    second.find("#mark-read").click()
    for tab in (first, second, elsewhere):
        expect(tab.find("#unread")).to_be_hidden()
        assert not tab.page.title().startswith("(")
    elsewhere.page.context.close()


def test_the_one_whose_session_is_ended_signs_out_and_the_other_goes_on(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    first, second, third = (sign_in(open_tab, stack, user) for _ in range(3))
    assert [leads(tab) for tab in (first, second, third)] == [True, False, False]
    user.ok("DELETE", f"/v1/sessions/{second.stored_session()['session_id']}")
    second.wait_for_state("signed-out")
    expect(second.find("#notice")).to_contain_text("sign in again")
    first.run("add", a=1, b=2)
    user.ok("DELETE", f"/v1/sessions/{first.stored_session()['session_id']}")
    first.wait_for_state("signed-out")
    wait_until_it_leads(third)
    third.run("add", a=3, b=4)
    assert delivered(third) == [1, 2]
    assert first.find("#notifications > li").count() == 0


def test_who_signs_out_leaves_the_connection_to_the_others(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    first, second = (sign_in(open_tab, stack, user) for _ in range(2))
    first.find("#sign-out").click()
    first.wait_for_state("signed-out")
    wait_until_it_leads(second)
    second.run("add", a=1, b=2)
    assert delivered(second) == [1]


def test_all_tabs_tell_an_outage_and_return_from_it(own_stack: Stack, open_tab: OpenTab) -> None:
    user = own_stack.new_user()
    tabs = [sign_in(open_tab, own_stack, user) for _ in range(2)]
    ends_meanwhile = tabs[0].start("wait", seconds=1)
    own_stack.server.stop()
    for tab in tabs:
        tab.wait_for_state("offline")
        expect(tab.find("#retry-in")).to_contain_text("Next try in")
    own_stack.server.start()
    tabs[1].page.evaluate("ringback.retryNow()")
    for tab in tabs:
        tab.wait_for_state("live")
        tab.wait_for_message(1)
        tab.wait_for_job(ends_meanwhile, "succeeded")
        assert delivered(tab) == [1]
    assert [leads(tab) for tab in tabs] == [True, False]

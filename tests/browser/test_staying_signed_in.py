"""Reloads, new tokens, second tabs, and how a sign-in ends."""

from collections.abc import Callable

from playwright.sync_api import Route, expect

from tests.browser.tab import Tab
from tests.support.api import Api
from tests.support.stack import USER, Stack
from tests.support.waiting import wait_for

OpenTab = Callable[..., Tab]


def test_a_wrong_password_is_said_in_plain_words(stack: Stack, open_tab: OpenTab) -> None:
    tab = open_tab(stack.url).open()
    tab.offer(USER[0], "not the password")
    expect(tab.find("#notice")).to_contain_text("password")
    expect(tab.find("#notice")).to_contain_text("request ")
    assert tab.stored_session() is None
    tab.wait_for_state("signed-out")


def test_an_address_without_a_server_is_said_in_plain_words(open_tab: OpenTab) -> None:
    tab = open_tab("http://localhost:9", from_disk=True).open()
    tab.offer(*USER)
    expect(tab.find("#notice")).to_contain_text("http://localhost:9 does not answer")


def test_a_reload_keeps_the_sign_in_and_the_list(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    tab.run("add", a=1, b=2)
    tab.run("add", a=3, b=4)
    tab.page.reload()
    tab.wait_for_state("live")
    assert tab.numbers == [2, 1]
    assert tab.rings == []
    expect(tab.find("#jobs > [data-state=succeeded]")).to_have_count(2)


def test_the_page_says_that_it_is_busy_until_its_lists_are_read(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    tab.run("add", a=1, b=2)
    held: list[Route] = []

    def hold(route: Route) -> None:  # Playwright takes no built-in function
        held.append(route)

    tab.page.route("**/v1/notifications?*", hold)
    tab.page.reload()
    tab.find("#connection[data-state=live]").wait_for()
    wait_for(lambda: _pump(tab) or len(held) == 2, "the list asked for at start and when live")
    expect(tab.find("#signed-in")).to_have_attribute("aria-busy", "true")
    assert tab.numbers == []
    for route in held:
        route.continue_()
    tab.wait_for_state("live")
    assert tab.numbers == [1]


def test_what_ended_while_the_page_was_away_is_rung_once(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    tab.run("add", a=1, b=2)
    tab.page.goto("about:blank")
    for number in range(3):
        user.run("add", a=number, b=0)
    tab.open().wait_for_state("live")
    assert tab.numbers == [4, 3, 2, 1]
    assert tab.rings == ["3 notifications"]
    tab.page.reload()
    tab.wait_for_state("live")
    assert tab.numbers == [4, 3, 2, 1]
    assert tab.rings == []


def test_a_first_sign_in_shows_the_past_without_ringing(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    user.run("add", a=1, b=2)
    tab = open_tab(stack.url).sign_in_as(user)
    tab.wait_for_message(1)
    assert tab.rings == []
    tab.run("add", a=1, b=2)
    assert tab.numbers == [2, 1]
    assert len(tab.rings) == 1


def test_read_is_read_after_a_reload_too(stack: Stack, user: Api, open_tab: OpenTab) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    tab.run("add", a=1, b=2)
    expect(tab.find("#unread")).to_have_text("1 unread")
    tab.find("#mark-read").click()
    expect(tab.find("#unread")).to_be_hidden()
    assert not tab.page.title().startswith("(")
    tab.page.reload()
    tab.wait_for_message(1)
    expect(tab.find("#unread")).to_be_hidden()


def test_the_server_knows_what_the_tab_has_received(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    tab.run("add", a=1, b=2)
    path = f"/v1/notifications/{user.notifications()[0]['id']}"
    wait_for(lambda: user.ok("GET", path)["acknowledgements"], "an acknowledgement")


def test_the_token_is_renewed_before_it_ends_and_the_connection_lives_on(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    first = tab.stored_session()["access_token"]
    tab.page.evaluate(
        """() => {
          const stored = JSON.parse(sessionStorage.getItem("ringback.session"));
          stored.received_at = Date.now() - stored.expires_in * 750 + 3000;
          sessionStorage.setItem("ringback.session", JSON.stringify(stored));
        }"""
    )
    tab.page.reload()
    tab.wait_for_state("live")
    tab.frames.clear()
    tab.page.wait_for_function(
        "old => JSON.parse(sessionStorage.getItem('ringback.session')).access_token !== old",
        arg=first,
    )
    wait_for(
        lambda: _pump(tab) or any('["authenticate"' in each for each in tab.frames), "the new token"
    )
    tab.run("add", a=1, b=2)
    assert not any(each.startswith("40") for each in tab.frames), "it connected anew"


def test_a_refused_token_is_renewed_without_the_user(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    tab.page.evaluate(
        """() => {
          const stored = JSON.parse(sessionStorage.getItem("ringback.session"));
          stored.access_token = "spoiled";
          sessionStorage.setItem("ringback.session", JSON.stringify(stored));
        }"""
    )
    tab.page.reload()
    tab.wait_for_state("live")
    tab.run("add", a=1, b=2)
    assert tab.stored_session()["access_token"] != "spoiled"


def test_a_session_that_was_ended_elsewhere_ends_here_with_the_reason(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    user.ok("DELETE", f"/v1/sessions/{tab.stored_session()['session_id']}")
    tab.wait_for_state("signed-out")
    expect(tab.find("#notice")).to_contain_text("sign in again")
    assert tab.stored_session() is None
    tab.sign_in_as(user)
    expect(tab.find("#notice")).to_be_hidden()


def test_signing_out_ends_the_session_and_leaves_nothing_on_the_page(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    tab.run("add", a=1, b=2)
    session_id = tab.stored_session()["session_id"]
    tab.find("#sign-out").click()
    tab.wait_for_state("signed-out")
    assert tab.find("#jobs > li, #notifications > li, .ring").count() == 0
    assert not tab.page.title().startswith("(")

    def ended() -> bool:
        return session_id not in [each["id"] for each in user.ok("GET", "/v1/sessions")["items"]]

    wait_for(ended, "the end of the session")
    tab.page.reload()
    expect(tab.find("#sign-in")).to_be_visible()


def test_one_tab_can_change_its_user(stack: Stack, user: Api, open_tab: OpenTab) -> None:
    other = stack.new_user()
    tab = open_tab(stack.url).sign_in_as(user)
    tab.run("add", a=1, b=2)
    tab.find("#sign-out").click()
    tab.sign_in_as(other)
    tab.run("add", a=3, b=4)
    assert tab.numbers == [1]
    assert tab.find("#jobs > li").count() == 1


def test_a_duplicated_tab_does_not_use_up_the_tokens_of_the_first(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    first = open_tab(stack.url).sign_in_as(user)
    second = open_tab(stack.url).open()
    second.page.evaluate(
        "text => sessionStorage.setItem('ringback.session', text)",
        first.page.evaluate("sessionStorage.getItem('ringback.session')"),
    )
    second.page.reload()
    expect(second.find("#sign-in")).to_be_visible()
    first.page.reload()
    first.wait_for_state("live")
    first.run("add", a=1, b=2)


# The page is busy for longer than a tab waits for its former self, each time that it asks for the lock.
BUSY = """
const { request } = LockManager.prototype;
LockManager.prototype.request = function (name, ...more) {
  const asked = request.call(this, name, ...more);
  if (name.startsWith("ringback-session-")) for (const end = Date.now() + 1500; Date.now() < end; );
  return asked;
};
"""
HELD = """navigator.locks.query().then(({ held }) =>
  held.filter(({ name }) => name.startsWith("ringback-session-")).length)"""


def test_a_busy_page_keeps_its_sign_in_to_itself_over_a_reload(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url)
    tab.page.add_init_script(BUSY)
    tab.sign_in_as(user)
    wait_for(lambda: tab.page.evaluate(HELD) == 1, "the lock after the sign-in")
    session_id = tab.stored_session()["session_id"]
    tab.page.reload()
    tab.wait_for_state("live")
    assert tab.stored_session()["session_id"] == session_id
    assert tab.page.evaluate(HELD) == 1


def _pump(tab: Tab) -> None:
    """Let Playwright deliver the events that have happened."""
    tab.page.evaluate("0")

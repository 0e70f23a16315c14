"""What administrators and auditors see of others."""

from collections.abc import Callable
from uuid import uuid4

from playwright.sync_api import expect

from tests.browser.tab import Tab
from tests.support.api import Api
from tests.support.stack import Stack

OpenTab = Callable[..., Tab]


def test_an_auditor_sees_the_jobs_of_everybody_and_whose_they_are_and_may_do_nothing_with_them(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    email, password = f"{uuid4().hex}@test.com", "a long password"
    part = {"email": email, "password": password, "role": "auditor"}
    stack.admin.ok("POST", "/v1/users", json=part)
    job = user.run("excel_test", rows=5)
    tab = open_tab(stack.url).sign_in(email, password)
    expect(tab.find("#jobs > li")).to_have_count(0)
    tab.page.get_by_role("checkbox", name="Everybody's").check()
    row = tab.wait_for_job(job["id"], "succeeded")
    expect(row.locator("[data-role=owner]")).to_contain_text("of ")
    for button in ("download", "cancel", "again", "change"):
        expect(row.locator(f"[data-role={button}]")).to_be_hidden()
    row.get_by_text("Log", exact=True).click()
    expect(row.locator("[data-role=events] > li").first).to_be_visible()

    later = user.run("add", a=1, b=1)  # nobody tells of it: it is asked for
    tab.wait_for_job(later["id"], "succeeded")
    tab.page.get_by_role("checkbox", name="Everybody's").uncheck()
    expect(tab.find("#jobs > li")).to_have_count(0)


def test_a_job_of_others_that_is_no_longer_among_the_newest_is_followed_to_its_end(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(stack.admin)
    long = user.submit("countdown", total=3000, seconds=1)["id"]
    tab.page.get_by_role("checkbox", name="Everybody's").check()
    tab.wait_for_job(long, "running")
    for _ in range(20):  # as many as are read
        user.submit("add", a=1, b=1)
    newest = {
        each["id"] for each in stack.admin.ok("GET", "/v1/jobs?limit=20&user_id=any")["items"]
    }
    assert long not in newest
    user.ok("POST", f"/v1/jobs/{long}/cancel")
    tab.wait_for_job(long, "cancelled")


def test_the_users_are_listed_for_those_who_may_read_them(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(stack.admin)
    tab.page.get_by_text("Users", exact=True).click()
    rows = tab.find("#people li")
    expect(rows.first).to_contain_text("@test.com")
    expect(rows.filter(has_text="administrator@test.com · admin")).to_have_count(1)


def test_who_may_not_is_offered_neither(stack: Stack, user: Api, open_tab: OpenTab) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    expect(tab.find("#for-all")).to_be_hidden()
    expect(tab.find("#people")).to_be_hidden()

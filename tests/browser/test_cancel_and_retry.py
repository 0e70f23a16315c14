"""Jobs that are cancelled, run again, and started once however often that is said."""

import json
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Request, Route, expect

from tests.browser.tab import Tab
from tests.support.api import Api
from tests.support.stack import Stack
from tests.support.waiting import wait_for

OpenTab = Callable[..., Tab]


def listed(user: Api) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = user.ok("GET", "/v1/jobs")["items"]
    return items


def test_a_running_job_is_cancelled_with_its_button(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    job_id = tab.start("wait", seconds=60)
    row = tab.wait_for_job(job_id, "running")
    expect(row.get_by_role("button", name=re.compile("^Run again"))).to_have_count(0)
    row.get_by_role("button", name="Cancel: Wait").click()
    tab.wait_for_job(job_id, "cancelled")
    expect(tab.wait_for_message(1)).to_contain_text("cancelled")
    expect(row.locator("[data-role=error]")).to_contain_text("Cancelled by its owner")
    expect(row.locator("[data-role=cancel]")).to_be_hidden()
    expect(row.locator("[data-role=cancelling]")).to_be_hidden()
    assert len(tab.rings) == 1


def test_until_its_worker_has_stopped_the_page_says_so(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    job_id = tab.start("wait", seconds=2)
    row = tab.wait_for_job(job_id, "running")
    tab.page.evaluate(
        "id => jobs.accept({ id, version: 1e6, state: 'running', cancelling: true })", job_id
    )
    expect(row.get_by_role("status")).to_have_text("cancelling …")
    expect(row.locator("[data-role=cancel]")).to_be_hidden()


def test_a_cancel_that_came_too_late_shows_how_the_job_ended(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    tab.page.evaluate("ringback.stop()")  # this page does not hear of the end
    job_id = tab.start("add", a=1, b=2)
    user.end_of(job_id)
    tab.job(job_id).locator("[data-role=cancel]").click()
    tab.wait_for_job(job_id, "succeeded")
    expect(tab.find("#page-error")).to_be_hidden()


def test_a_job_is_run_again_with_its_button(stack: Stack, user: Api, open_tab: OpenTab) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    old = tab.run("refuses")
    row = tab.wait_for_job(old, "failed")
    expect(row.locator("[data-role=cancel]")).to_be_hidden()
    row.get_by_role("button", name="Run again: Refuse").click()
    tab.wait_for_message(2)
    new = next(each for each in listed(user) if each["id"] != old)
    assert new["follows"] == old
    again = tab.wait_for_job(new["id"], "failed")
    time = row.locator("[data-role=time]").inner_text()
    expect(again.locator("[data-role=follows]")).to_have_text(f"runs again what ran at {time}")
    expect(row.locator("[data-role=follows]")).to_be_hidden()


def test_a_double_click_makes_one_job(stack: Stack, user: Api, open_tab: OpenTab) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    tab.form("refuses").locator("[data-role=start]").dblclick()
    tab.wait_for_message(1)
    (old,) = listed(user)
    tab.wait_for_job(old["id"], "failed").locator("[data-role=again]").dblclick()
    tab.wait_for_message(2)
    assert len(listed(user)) == 2


def test_after_a_lost_answer_the_next_click_gets_the_same_job(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    keys = watch_keys(tab)

    def lose_answer(route: Route) -> None:
        route.fetch()
        route.abort("connectionreset")

    tab.page.context.grant_permissions(["local-network-access"])
    tab.page.route("**/v1/jobs", lose_answer, times=1)
    form = tab.form("add")
    form.locator("[data-role=start]").click()
    expect(form.locator("[data-role=error]")).to_contain_text("does not answer")
    (job,) = listed(user)
    assert tab.start("add") == job["id"]
    assert tab.start("add") != job["id"]
    assert len(listed(user)) == 2
    assert keys[0] == keys[1] != keys[2]
    assert all(re.fullmatch("[0-9a-f]{32}", key) for key in keys)


def test_other_parameters_after_a_lost_answer_are_another_job(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    keys = watch_keys(tab)
    tab.page.route("**/v1/jobs", lambda route: route.abort(), times=1)
    form = tab.form("add")
    form.locator("[data-role=start]").click()
    expect(form.locator("[data-role=error]")).to_contain_text("does not answer")
    tab.start("add", a=5)
    assert len(set(keys)) == 2


def test_what_was_refused_is_not_asked_with_the_same_key_again(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    keys = watch_keys(tab)
    form = tab.form("excel_test")
    form.locator("[data-field=rows]").fill("-5")
    for _ in range(2):
        with tab.page.expect_response("**/v1/jobs") as answer:
            form.locator("[data-role=start]").click()
        assert answer.value.status == 422
        expect(form.locator("[data-role=start]")).to_be_enabled()
    assert keys[0] != keys[1]


def test_the_log_of_a_job_can_be_opened_and_goes_on(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    job_id = tab.start("wait", seconds=2)
    row = tab.wait_for_job(job_id, "running")
    row.get_by_text("Log", exact=True).click()
    lines = row.locator("[data-role=events] > li")
    expect(lines.nth(2)).to_contain_text("claimed · attempt 1 · by ")
    expect(lines.nth(3)).to_contain_text("succeeded", timeout=30_000)
    assert lines.count() == 4


def test_the_page_opened_from_disk_cancels_and_runs_again_too(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url, from_disk=True).sign_in_as(user)
    job_id = tab.start("wait", seconds=60)
    tab.wait_for_job(job_id, "running").locator("[data-role=cancel]").click()
    tab.wait_for_job(job_id, "cancelled").locator("[data-role=again]").click()
    wait_for(lambda: len(listed(user)) == 2, "the second job")
    second = next(each["id"] for each in listed(user) if each["id"] != job_id)
    tab.wait_for_job(second, "running").locator("[data-role=cancel]").click()
    tab.wait_for_job(second, "cancelled")


def watch_keys(tab: Tab) -> list[str]:
    """The keys of the requests that start jobs, as they are sent from now on."""
    keys: list[str] = []

    def note(request: Request) -> None:
        if request.method == "POST" and request.url.endswith("/v1/jobs"):
            keys.append(request.headers["idempotency-key"])
            assert "type" in json.loads(request.post_data or "")

    tab.page.on("request", note)
    return keys

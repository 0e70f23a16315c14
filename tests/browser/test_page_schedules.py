"""The schedules on the page."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.tab import FROM_DISK, Tab
from tests.support.api import Api
from tests.support.database import query
from tests.support.stack import Stack

OpenTab = Callable[..., Tab]


def add_schedule(tab: Tab) -> Locator:
    """Repeat `add` with 7 and 3 every working morning; returns the schedule's row."""
    tab.form("add").locator("[data-field=a]").fill("7")
    tab.page.get_by_text("Repeat this …", exact=True).click()
    form = tab.find("#schedule-form")
    form.get_by_label("Name").fill("Every morning")
    form.get_by_label("When").fill("30 7 * * 1-5")
    expect(form.locator("[data-role=words]")).to_have_text("every Monday to Friday at 07:30")
    form.get_by_label("Time zone").fill("Europe/Berlin")
    form.get_by_label("If its last").select_option("queue")
    form.get_by_role("button", name="Add schedule").click()
    return tab.find("#schedules > li")


def test_a_schedule_repeats_what_is_entered_and_runs_when_it_is_told_to(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    row = add_schedule(tab)
    expect(row).to_contain_text("every Monday to Friday at 07:30 (30 7 * * 1-5), Europe/Berlin")
    (made,) = user.ok("GET", "/v1/schedules")["items"]
    assert (made["name"], made["overlap"], made["params"]) == (
        "Every morning",
        "queue",
        {"a": 7, "b": 3},
    )
    first = made["next_runs"][0]
    expect(row.locator("[data-role=next]")).to_contain_text(
        f"{first[:10]} {first[11:16]} {first[19:]}"
    )

    row.get_by_role("button", name="Run now: Every morning").click()
    job = tab.find("#jobs > li")
    expect(job).to_have_attribute("data-state", "succeeded", timeout=60_000)
    expect(job.locator("[data-role=schedule]")).to_have_text("started by Every morning")
    expect(job.locator("[data-role=result]")).to_contain_text("10")


@pytest.mark.parametrize("from_disk", [False, True])
def test_a_schedule_is_paused_resumed_and_deleted(
    stack: Stack, user: Api, open_tab: OpenTab, from_disk: bool
) -> None:
    row = add_schedule(tab := open_tab(stack.url, from_disk=from_disk).sign_in_as(user))
    row.get_by_role("button", name="Pause: Every morning").click()
    expect(row).to_have_attribute("data-state", "paused")
    expect(row.locator("[data-role=next]")).to_be_hidden()
    row.get_by_role("button", name="Resume: Every morning").click()
    expect(row).to_have_attribute("data-state", "on")

    remove = row.get_by_role("button", name="Delete: Every morning")
    tab.page.once("dialog", lambda dialog: dialog.dismiss())
    remove.click()
    assert len(user.ok("GET", "/v1/schedules")["items"]) == 1
    tab.page.once("dialog", lambda dialog: dialog.accept())
    remove.click()
    expect(row).to_have_count(0)
    assert user.ok("GET", "/v1/schedules")["items"] == []


def test_a_refused_schedule_is_told_and_the_browsers_zone_is_proposed(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    tab.page.get_by_text("Repeat this …", exact=True).click()
    form = tab.find("#schedule-form")
    zone = tab.page.evaluate("Intl.DateTimeFormat().resolvedOptions().timeZone")
    expect(form.get_by_label("Time zone")).to_have_value(zone)
    form.get_by_label("When").fill("61 * * * *")
    form.get_by_role("button", name="Add schedule").click()
    expect(tab.find(".job-type:visible [data-role=error]")).to_contain_text("cron")
    assert user.ok("GET", "/v1/schedules")["items"] == []


def test_the_page_looks_at_its_schedules_again_when_one_makes_a_job_and_says_why_it_paused(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    plan = {"name": "S", "type": "add", "params": {"a": 1, "b": 2}, "cron": "0 0 * * *"}
    made = user.ok("POST", "/v1/schedules", json=plan)
    tab = open_tab(stack.url).sign_in_as(user)
    row = tab.find("#schedules > li")
    expect(row).to_have_attribute("data-state", "on")
    reason = "There is no job type x any more."
    pause = (
        "UPDATE schedules SET enabled = false, next_run_at = NULL, paused_reason = %s WHERE id = %s"
    )
    query(stack.database_url, pause, reason, made["id"])
    user.ok("POST", f"/v1/schedules/{made['id']}/run")
    expect(row).to_have_attribute("data-state", "paused")
    expect(row.locator("[data-role=reason]")).to_have_text(reason)


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("* * * * *", "every minute"),
        ("*/15 * * * *", "every 15 minutes"),
        ("*/7 * * * *", ""),
        ("5 * * * *", "every hour at minute 5"),
        ("30 7 * * *", "every day at 07:30"),
        ("0 6 1 * *", "on day 1 of every month at 06:00"),
        ("0 6 * * MON-fri,0", "every Monday to Friday, Sunday at 06:00"),
        ("0 6 * * 7", "every Sunday at 06:00"),
        ("0 6 1 * MON", ""),
        ("0 6 * 2 *", ""),
        ("nonsense", ""),
    ],
)
def test_a_common_cron_is_told_in_words(open_tab: OpenTab, cron: str, words: str) -> None:
    page = open_tab("http://localhost:9", from_disk=True).open().page
    assert page.url == FROM_DISK
    assert page.evaluate("cron => cronWords(cron)", cron) == words

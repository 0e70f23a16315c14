"""Forms of all kinds of fields, used the way people use them."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from playwright.sync_api import expect

from tests.browser.tab import Tab
from tests.support.api import Api
from tests.support.stack import Stack
from tests.workbooks.reading import calamine_rows

OpenTab = Callable[..., Tab]
REPORT = "activity_report"


def test_a_report_with_filters_is_started_from_the_page_and_downloaded(
    stack: Stack, user: Api, open_tab: OpenTab, tmp_path: Path
) -> None:
    failed = [user.run("refuses")["id"] for _ in range(2)]
    user.run("add", a=1, b=2)
    today = datetime.now(UTC).date().isoformat()
    tab = open_tab(stack.url).sign_in_as(user)
    form = tab.form(REPORT)
    form.get_by_label("Since").fill(today)
    form.get_by_label("Types").fill("refuses, add")
    # With the keyboard alone: to the box, and tick it.
    box = form.get_by_role("group", name="States").get_by_label("failed")
    box.focus()
    tab.page.keyboard.press("Space")
    expect(form.locator("[data-field=states] input[value=failed]")).to_be_checked()

    row = tab.wait_for_job(tab.start("activity_report"), "succeeded")
    job = user.ok("GET", "/v1/jobs?type=activity_report")["items"][0]
    assert job["params"] == {
        "since": today,
        "until": None,
        "types": ["refuses", "add"],
        "states": ["failed"],
        "include_log": True,
    }
    download = tab.download(row.locator("[data-role=download]"))
    assert download.suggested_filename.startswith(f"activity_{today}_to_")
    download.save_as(path := tmp_path / "report.xlsx")
    assert [line[0] for line in calamine_rows(path, "Jobs")[1:]] == failed


def test_refused_filters_are_named_beside_the_button(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    form = tab.form(REPORT)
    form.get_by_label("Since").fill("2026-11-21")
    form.get_by_label("Until").fill("2026-11-20")
    form.locator("[data-role=start]").click()
    expect(form.locator("[data-role=error]")).to_contain_text("until")
    assert tab.find("#jobs > li").count() == 0


def test_half_a_date_is_not_taken_for_none(stack: Stack, user: Api, open_tab: OpenTab) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    form = tab.form(REPORT)
    form.get_by_label("Since").focus()
    tab.page.keyboard.type("21")
    form.locator("[data-role=start]").click()
    expect(form.locator("[data-role=error]")).to_have_text("Since is not complete.")
    assert user.ok("GET", "/v1/jobs")["items"] == []


def test_a_comment_of_a_workbook_is_shown_in_short(
    stack: Stack, user: Api, open_tab: OpenTab, tmp_path: Path
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    comment = "=1+1 " * 1000
    row = tab.wait_for_job(tab.start("excel_test", rows=3, comment=comment), "succeeded")
    shown = row.locator("[data-role=params]").inner_text()
    assert "comment" in shown
    assert len(shown) < 150
    download = tab.download(row.locator("[data-role=download]"))
    download.save_as(path := tmp_path / "test.xlsx")
    assert [line[9] for line in calamine_rows(path, "Rows")[1:]] == [comment] * 3

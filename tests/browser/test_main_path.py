"""What the page is for: start a job, watch it, be rung back, download the file."""

import os
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Route, expect
from python_calamine import CalamineWorkbook

from app.job_types import registry
from tests.browser.tab import Tab
from tests.support.api import Api
from tests.support.stack import ADMIN, USER, Stack
from tests.support.waiting import wait_for

OpenTab = Callable[..., Tab]
ROWS = 30_000
PICTURE = Path(__file__).resolve().parents[2] / "docs/images/test-page.png"


def read_rows(path: Path, sheet: int = 0) -> int:
    """How many rows of data a sheet has, by a reader that is not the writer."""
    return len(CalamineWorkbook.from_path(str(path)).get_sheet_by_index(sheet).to_python()) - 1


def test_two_users_at_once_and_only_the_one_whose_job_ended_is_rung(
    stack: Stack, open_tab: OpenTab, tmp_path: Path
) -> None:
    admin = open_tab(stack.url).sign_in(*ADMIN)
    user = open_tab(stack.url).sign_in(*USER)
    # From the server: the page may still be loading the list of what other tests left.
    before, admin_before = (Api(stack.url, *who).head() for who in (USER, ADMIN))

    job_id = user.start("excel_test", rows=ROWS)
    user.wait_for_message(before + 1)
    assert len(user.rings) == 1
    unread = user.find("#notifications > [data-unread]").count()
    assert user.page.title().startswith(f"({unread}) ")

    row = user.wait_for_job(job_id, "succeeded")
    download = user.download(row.locator("[data-role=download]"))
    assert download.suggested_filename.endswith(".xlsx")
    path = tmp_path / download.suggested_filename
    download.save_as(path)
    workbook = openpyxl.load_workbook(path, read_only=True)
    assert len(workbook.sheetnames) >= 2  # the data and the summary
    assert ROWS in [read_rows(path, index) for index in range(len(workbook.sheetnames))]

    # Had the administrator been rung too, it would have come before this own ring.
    admin.start("add", a=1, b=2)
    admin.wait_for_message(admin_before + 1)
    assert admin.job(job_id).count() == 0
    assert [number for number in admin.numbers if number > admin_before] == [admin_before + 1]
    assert len(admin.rings) == 1
    take_picture_if_asked(user)


def test_progress_moves_and_never_goes_back(stack: Stack, user: Api, open_tab: OpenTab) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    job_id = tab.start("wait", seconds=2)
    tab.wait_for_job(job_id, "succeeded")
    looks = tab.looks_of(job_id)
    shown = [look["progress"] for look in looks]
    assert shown == sorted(shown)
    assert len({value for value in shown if 0 < value < 1}) >= 3
    assert shown[-1] == 1
    assert any(look["left"].startswith("about ") for look in looks)
    assert all(look["percent"] == f"{int(look['progress'] * 100)} %" for look in looks[-1:])


def test_the_notification_offers_the_file_as_well(
    stack: Stack, user: Api, open_tab: OpenTab, tmp_path: Path
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    tab.run("excel_test", rows=10)
    for button in ("#notifications [data-role=download]", "#rings [data-role=download]"):
        download = tab.download(tab.find(button))
        download.save_as(tmp_path / "result.xlsx")
        assert openpyxl.load_workbook(tmp_path / "result.xlsx").sheetnames


def test_the_page_opened_from_disk_does_the_same(
    stack: Stack, user: Api, open_tab: OpenTab, tmp_path: Path
) -> None:
    tab = open_tab(stack.url, from_disk=True).sign_in_as(user)
    job_id = tab.run("excel_test", rows=10)
    download = tab.download(tab.job(job_id).locator("[data-role=download]"))
    download.save_as(tmp_path / "result.xlsx")
    assert openpyxl.load_workbook(tmp_path / "result.xlsx").sheetnames
    assert download.suggested_filename.endswith(".xlsx")
    tab.page.reload()
    tab.wait_for_state("live")
    assert tab.numbers == [1]


def test_a_failed_job_shows_its_reason(stack: Stack, user: Api, open_tab: OpenTab) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    job_id = tab.run("refuses")
    row = tab.wait_for_job(job_id, "failed")
    expect(row.locator("[data-role=error]")).to_contain_text("nothing to report for this month")
    expect(row.locator("[data-role=download]")).to_be_hidden()
    expect(tab.wait_for_message(1)).to_contain_text("nothing to report for this month")


def test_refused_parameters_are_named_beside_the_button(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    form = tab.form("excel_test")
    form.locator("[data-field=rows]").fill("-5")
    form.locator("[data-role=start]").click()
    expect(form.locator("[data-role=error]")).to_contain_text("rows")
    expect(form.locator("[data-role=error]")).to_contain_text("request ")
    assert tab.find("#jobs > li").count() == 0


def test_the_page_works_under_a_strict_content_policy(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url)
    violations: list[str] = []
    tab.page.on("console", lambda line: violations.append(line.text))
    policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'"

    def add_policy(route: Route) -> None:
        headers = {"Content-Security-Policy": f"{policy}; connect-src 'self'"}
        route.fulfill(response=(answer := route.fetch()), headers=answer.headers | headers)

    # A page out of a test's hands has no address; Chromium then guards the loopback against it.
    tab.page.context.grant_permissions(["local-network-access"])
    tab.page.route("**/test.html", add_policy)
    tab.sign_in_as(user).run("excel_test", rows=10)
    tab.download(tab.find("#notifications [data-role=download]"))
    assert violations == []


def test_text_of_others_is_shown_as_text(stack: Stack, user: Api, open_tab: OpenTab) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    hostile = "<img src=x onerror=\"document.title='owned'\">"
    tab.page.evaluate(
        """(text) => {
          jobs.accept({ id: "1", type: text, params: { [text]: text }, state: "failed", version: 1,
            progress: 0, progress_message: text, attempt: 1, error: { code: text, message: text } });
          const notification = { seq: 1, id: "1", type: text, title: text, body: text, data: {},
            job_id: null, created_at: "2026-01-01T00:00:00Z", read_at: null, tombstone: false };
          receive({ notification, replayed: false });
        }""",
        hostile,
    )
    expect(tab.find("#jobs")).to_contain_text(hostile)
    expect(tab.find("#notifications")).to_contain_text(hostile)
    assert tab.find("main img, #rings img[src=x]").count() == 0


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_sideways(
    stack: Stack, user: Api, open_tab: OpenTab, width: int, scheme: str
) -> None:
    tab = open_tab(stack.url)
    tab.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    tab.page.set_viewport_size({"width": width, "height": 800})
    tab.sign_in_as(user).run("excel_test", rows=10)
    assert tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def take_picture_if_asked(tab: Tab) -> None:
    """With UPDATE_SCREENSHOT=1, renew the picture in the README: one job done, one running."""
    if os.environ.get("UPDATE_SCREENSHOT") != "1":
        return
    tab.page.set_viewport_size({"width": 1100, "height": 1000})
    hide = "labels => labels.forEach((each) => each.remove())"
    shipped = ",".join(f":has([value={each.name}])" for each in registry.load(["app.job_types"]))
    tab.find(f"#type-choice label:not({shipped})").evaluate_all(hide)
    tab.run("add", a=2, b=3)
    tab.start("excel_test", rows=ROWS)
    bar = tab.find("#jobs progress").first
    wait_for(lambda: bar.evaluate("bar => bar.value") > 0.4, "the middle of the job")
    PICTURE.parent.mkdir(parents=True, exist_ok=True)
    tab.page.screenshot(path=PICTURE)

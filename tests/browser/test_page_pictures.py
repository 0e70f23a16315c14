"""Pictures that jobs leave, in the list of notifications and in the ring."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.tab import Tab
from tests.support.api import Api
from tests.support.stack import Stack
from tests.support.waiting import wait_for

OpenTab = Callable[..., Tab]
COUNT_ADDRESSES = """
window.addresses = 0;
const { createObjectURL: create, revokeObjectURL: revoke } = URL;
URL.createObjectURL = (blob) => (window.addresses += 1, create(blob));
URL.revokeObjectURL = (address) => (window.addresses -= 1, revoke(address));
"""


def width(image: Locator) -> int:
    return int(image.evaluate("image => image.naturalWidth"))


@pytest.mark.parametrize(("kind", "from_disk"), [("png", False), ("svg", False), ("svg", True)])
def test_a_picture_is_shown_in_the_list_and_in_the_ring(
    stack: Stack, user: Api, open_tab: OpenTab, kind: str, from_disk: bool
) -> None:
    tab = open_tab(stack.url, from_disk=from_disk)
    violations: list[str] = []
    tab.page.on("console", lambda line: violations.append(line.text))
    tab.page.add_init_script(COUNT_ADDRESSES)
    tab.sign_in_as(user)
    tab.form("chart").get_by_label("Format").select_option(kind)
    job_id = tab.run("chart")
    description = user.job(job_id)["result"]["description"]
    for place in ("#rings", "#notifications"):
        image = tab.find(f"{place} [data-role=picture] img")
        image.wait_for()
        wait_for(lambda image=image: width(image) > 100, f"the picture in {place}")  # type: ignore[misc]
        expect(image).to_have_attribute("alt", description)
    wait_for(lambda: tab.page.evaluate("addresses") == 0, "no address that is kept")
    assert violations == []


def test_a_picture_of_long_ago_is_fetched_when_it_is_seen(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    user.run("chart", kind="bar", series=[{"y": [1, 2]}])
    for _ in range(12):
        user.submit("add", a=1, b=1)
    wait_for(lambda: user.head() == 13, "the end of all jobs")
    tab = open_tab(stack.url)
    asked: list[str] = []
    tab.page.on("request", lambda request: asked.append(request.url))
    tab.sign_in_as(user)
    history = user.notifications()
    tab.page.evaluate("all => all.forEach((each) => messageRows.show(each))", history)
    tab.find("#notifications > li").nth(12).wait_for()
    # What is within the window is read before this answer.
    tab.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    assert [url for url in asked if url.endswith("/result")] == []
    image = tab.find("#notifications [data-role=picture]:not([hidden])")
    image.scroll_into_view_if_needed()
    wait_for(lambda: width(image.locator("img")) > 100, "the picture")


def test_a_picture_that_is_gone_is_said_to_be(stack: Stack, user: Api, open_tab: OpenTab) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    tab.page.route("**/result", lambda route: route.fulfill(status=404, body="{}"))
    tab.run("chart")
    place = tab.find("#notifications [data-role=picture]")
    expect(place).to_contain_text("The picture cannot be shown.")
    assert tab.find("#notifications img").count() == 0
    expect(place.get_by_role("button")).to_have_count(0)


def test_a_picture_that_did_not_come_can_be_asked_for_again(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    tab.page.route("**/result", lambda route: route.abort())
    tab.run("chart")
    place = tab.find("#notifications [data-role=picture]")
    again = place.get_by_role("button", name="Try again")
    again.click()
    expect(again).to_be_enabled()  # it is another one: that failed as well
    expect(place).to_contain_text("The picture cannot be shown.")
    tab.page.unroute("**/result")
    again.click()
    wait_for(lambda: width(place.locator("img")) > 100, "the picture")
    expect(place).to_have_text("")


def test_a_damaged_or_a_huge_picture_is_none(open_tab: OpenTab) -> None:
    page = open_tab("http://localhost:9", from_disk=True).open().page
    found = page.evaluate(
        """async () => {
          const of = (media_type, size) => hasPicture(
            { type: "job.succeeded", job_id: "1", data: { artifact: { media_type, size } } });
          const place = document.createElement("div");
          document.body.prepend(place);
          const artifact = { name: "x.png", media_type: "image/png", size: 3 };
          const read = async () => new Response("no picture");
          new Pictures(read).offer(place, { type: "job.succeeded", job_id: "1", data: { artifact } });
          while (!place.textContent) await new Promise((done) => setTimeout(done, 10));
          return [of("image/png", 8e6), of("image/png", 8e6 + 1), of("text/html", 9), place.textContent];
        }"""
    )
    assert found == [True, False, False, "The picture cannot be shown: the file is damaged."]

"""`/docs` in a browser, under its policy: it shows every route and calls the server."""

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.support.api import Api
from tests.support.stack import Stack

SECONDS = 30_000


@pytest.fixture
def docs(context: BrowserContext, stack: Stack) -> Page:
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(f"error: {error}"))
    page.add_init_script(
        "window.violations = [];"
        "document.addEventListener('securitypolicyviolation',"
        " (event) => window.violations.push(event.violatedDirective + ' ' + event.blockedURI));"
    )
    page.goto(f"{stack.url}/docs")
    page.locator(".opblock").first.wait_for(timeout=SECONDS)
    page.said = said  # type: ignore[attr-defined]
    return page


def test_the_docs_show_every_route_and_break_no_rule_of_their_policy(
    docs: Page, stack: Stack
) -> None:
    paths = Api(stack.url).ok("GET", "/openapi.json")["paths"]
    expect(docs.locator(".opblock")).to_have_count(
        sum(len(item) for item in paths.values()), timeout=SECONDS
    )
    docs.locator("#operations-Jobs-post_v1_jobs, .opblock-post").first.click()
    assert_clean(docs)


def test_who_authorizes_in_the_docs_can_try_a_route_out(docs: Page, user: Api) -> None:
    docs.locator(".auth-wrapper .authorize").first.click()
    dialog = docs.locator(".dialog-ux")
    dialog.locator("input").first.fill(user.token)
    dialog.locator("button.authorize").click()
    dialog.locator("button.btn-done").click()
    block = docs.locator(".opblock", has=docs.locator("[data-path='/v1/users/me']")).and_(
        docs.locator(".opblock-get")
    )
    block.locator(".opblock-summary").click()
    block.locator(".try-out__btn").click()
    with docs.expect_response("**/v1/users/me") as answer:
        block.locator("button.execute").click()
    assert answer.value.status == 200
    assert user.email is not None
    shown = block.locator(".live-responses-table")
    expect(shown).to_contain_text(user.email, timeout=SECONDS)
    assert_clean(docs)


def assert_clean(page: Page) -> None:
    assert page.evaluate("window.violations") == []
    wrong = [line for line in page.said if not line.startswith(("log:", "info:", "debug:"))]  # type: ignore[attr-defined]
    assert wrong == []


@pytest.mark.parametrize("path", ["/test.html", "/docs"])
def test_a_page_runs_no_script_that_was_put_into_it(
    context: BrowserContext, stack: Stack, path: str, tmp_path: Path
) -> None:
    """The policy holds: an inline script that gets into a page does nothing."""
    page = context.new_page()
    page.goto(stack.url + path)
    page.evaluate(
        "() => { const script = document.createElement('script');"
        " script.textContent = 'window.hacked = true'; document.body.append(script);"
        " const image = document.createElement('img');"
        " image.setAttribute('onerror', 'window.hacked = true'); image.src = '/nothing';"
        " document.body.append(image); }"
    )
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.hacked === undefined")

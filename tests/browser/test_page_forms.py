"""Choosing a type, entering its parameters, sending a file, running again with other parameters."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.tab import Tab
from tests.support.api import Api
from tests.support.stack import Stack

OpenTab = Callable[..., Tab]
LONG = "123456789012345678901234567890"


def test_the_type_that_was_chosen_last_is_chosen_again(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    group = tab.page.get_by_role("group", name="Type", exact=True)
    group.get_by_role("radio", name="Add two numbers").focus()
    tab.page.keyboard.press("Space")
    tab.page.keyboard.press("ArrowRight")  # the arrows choose, as in any group of radio buttons
    expect(group.get_by_role("radio", name="Chart")).to_be_checked()
    expect(tab.find("#job-types > :visible")).to_have_count(1)
    tab.page.reload()
    tab.wait_for_state("live")
    expect(tab.find("[data-job-type=chart]")).to_be_visible()
    expect(tab.find("[data-job-type=add]")).to_be_hidden()


def test_numbers_are_sent_with_all_their_digits_and_results_are_shown(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    form = tab.form("number_crunch")
    for box in form.get_by_role("checkbox").all():
        box.uncheck()
    for name in ("sum", "max"):
        form.get_by_role("checkbox", name=name, exact=True).check()
    row = tab.wait_for_job(tab.start("number_crunch", numbers=f"{LONG}; 1\n2"), "succeeded")
    (job,) = user.ok("GET", "/v1/jobs")["items"]
    assert job["params"]["numbers"] == [int(LONG), 1, 2]
    shown = row.locator("[data-role=result]")
    expect(shown.locator("div", has_text="sum").locator("dd")).to_have_text(str(int(LONG) + 3))
    expect(shown.locator("div", has_text="max").locator("dd")).to_have_text(LONG)
    tab.page.reload()  # and those of a list that is read
    expect(row.locator("[data-role=params]")).to_contain_text(f"numbers {LONG}, 1, 2")


def test_what_is_no_number_or_no_json_is_said_before_anything_is_sent(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    for name, field, entry, text in (
        ("number_crunch", "numbers", "1, two", "Numbers: “two” is not a number."),
        ("chart", "series", "[{]", "Series: no valid JSON: "),
    ):
        form = tab.form(name)
        form.locator(f"[data-field={field}]").fill(entry)
        form.locator("[data-role=start]").click()
        expect(form.locator("[data-role=error]")).to_contain_text(text)
    assert user.ok("GET", "/v1/jobs")["items"] == []


def test_a_file_is_uploaded_and_its_job_started(
    stack: Stack, user: Api, open_tab: OpenTab, tmp_path: Path
) -> None:
    tab = open_tab(stack.url).sign_in_as(user)
    (file := tmp_path / "table.csv").write_text("a;b\n1;2\n")
    form = tab.form("extract_text")
    form.get_by_label("File", exact=True).set_input_files(file)
    expect(form.get_by_text("table.csv, 8 B")).to_be_visible()
    tab.wait_for_job(tab.start("extract_text"), "succeeded")
    expect(form.get_by_text("table.csv, 8 B: sent")).to_be_visible()
    tab.start("extract_text")  # the same file: it is not sent again
    (upload,) = user.ok("GET", "/v1/uploads")["items"]
    jobs = user.ok("GET", "/v1/jobs")["items"]
    assert [each["params"]["upload_id"] for each in jobs] == [upload["id"]] * 2

    user.ok("DELETE", f"/v1/uploads/{upload['id']}")
    form.locator("[data-role=start]").click()
    expect(form.locator("[data-role=error]")).to_contain_text("no longer kept")
    again = tab.wait_for_job(tab.start("extract_text"), "succeeded")  # now it is
    assert [each["id"] for each in user.ok("GET", "/v1/uploads")["items"]] != [upload["id"]]
    again.get_by_role("button", name="Run with changes").click()
    expect(form.locator("input[type=file]")).to_be_focused()


def test_a_file_that_is_refused_is_told_with_the_reason(
    stack: Stack, user: Api, open_tab: OpenTab, tmp_path: Path
) -> None:
    tab = open_tab(stack.url, from_disk=True).sign_in_as(user)
    (file := tmp_path / "table.xlsx").write_bytes(b"\x7fELF" + bytes(range(256)))
    form = tab.form("extract_text")
    form.get_by_label("File", exact=True).set_input_files(file)
    with tab.page.expect_response("**/v1/uploads") as answer:
        form.locator("[data-role=start]").click()
    assert answer.value.status == 422
    reason = answer.value.json()["detail"]
    expect(form.locator("[data-role=error]")).to_contain_text(reason)
    expect(form.get_by_text("table.xlsx, 260 B: not taken")).to_be_visible()
    assert user.ok("GET", "/v1/jobs")["items"] == []


def test_a_job_is_run_again_with_other_parameters(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    old = user.run("add", a=41, b=int(LONG[:15]))
    tab = open_tab(stack.url).sign_in_as(user)
    tab.form("chart")
    tab.job(old["id"]).get_by_role("button", name="Run with changes").click()
    form = tab.find("[data-job-type=add]")
    expect(form.locator("[data-field=a]")).to_have_value("41")
    expect(form.locator("[data-field=a]")).to_be_focused()
    expect(form.locator("[data-role=again]")).to_contain_text("Runs again what ran at")
    form.locator("[data-field=a]").fill("42")
    with tab.page.expect_response(f"**/v1/jobs/{old['id']}/retry") as answer:
        form.get_by_role("button", name="Run again").click()
    new = answer.value.json()
    assert new["follows"] == old["id"]
    assert new["params"] == {"a": 42, "b": int(LONG[:15])}
    expect(form.locator("[data-role=again]")).to_be_hidden()
    tab.wait_for_job(new["id"], "succeeded")
    assert user.job(tab.start("add"))["follows"] is None


def test_long_parameters_which_lists_leave_out_are_there_to_run_with_changes(
    stack: Stack, user: Api, open_tab: OpenTab
) -> None:
    comment = "x" * 10_000
    old = user.run("excel_test", rows=5, comment=comment)
    tab = open_tab(stack.url).sign_in_as(user)
    row = tab.job(old["id"])
    expect(row.locator("[data-role=params]")).to_have_text("too long to be shown here")
    row.get_by_role("button", name="Run with changes").click()
    form = tab.find("[data-job-type=excel_test]")
    expect(form.locator("[data-field=comment]")).to_have_value(comment)
    form.locator("[data-field=rows]").fill("6")
    with tab.page.expect_response(f"**/v1/jobs/{old['id']}/retry") as answer:
        form.get_by_role("button", name="Run again").click()
    assert answer.value.json()["params"] == old["params"] | {"rows": 6}


SCHEMAS: dict[str, tuple[dict[str, Any], str]] = {
    "long": ({"type": "string", "maxLength": 5000}, "textarea"),
    "short": ({"type": "string", "maxLength": 200}, "text"),
    "mail": ({"type": "string", "format": "email", "maxLength": 254}, "email"),
    "numbers": ({"type": "array", "items": {"type": "number"}}, "textarea"),
    "referred": ({"$ref": "#/$defs/Colour"}, "select-one"),
    "several": ({"type": "array", "items": {"$ref": "#/$defs/Colour"}}, "fieldset"),
    "one_or_more": (
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
        "text",
    ),
    "maybe": ({"anyOf": [{"enum": ["x", "y"]}, {"type": "null"}]}, "select-one"),
    "nested": ({"type": "object", "properties": {}}, "textarea"),
    "either": ({"anyOf": [{"type": "integer"}, {"type": "boolean"}]}, "textarea"),
}
VALUES = {
    "long": "two\nlines",
    "short": "text",
    "mail": "a@test.com",
    "numbers": [1, -2.5],
    "referred": "blue",
    "several": ["red"],
    "one_or_more": ["one"],
    "maybe": "y",
    "nested": {"a": [1, None]},
    "either": 7,
}


@pytest.mark.parametrize("values", [VALUES, {}], ids=["filled", "empty"])
def test_each_kind_of_parameter_has_a_field_that_gives_back_what_it_was_filled_with(
    open_tab: OpenTab, values: dict[str, Any]
) -> None:
    page = open_tab("http://localhost:9", from_disk=True).open().page
    kinds, params = page.evaluate(
        """async ([schemas, example]) => {
          const properties = Object.fromEntries(Object.entries(schemas).map(([k, [v]]) => [k, v]));
          const $defs = { Colour: { enum: ["red", "blue"] } };
          const form = new JobForm({ name: "t", title: "T", parameters: { properties, $defs }, example });
          const fields = [...form.element.querySelectorAll("[data-field]")];
          return [fields.map((each) => [each.dataset.field, each.type]), await form.params()];
        }""",
        [SCHEMAS, values],
    )
    assert dict(kinds) == {name: kind for name, (_, kind) in SCHEMAS.items()}
    # A choice always has a value; boxes none of which is ticked are an empty list.
    assert params == (values or {"referred": "red", "several": []})

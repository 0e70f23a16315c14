"""The collection itself: complete, in the right form, and of one mind with the server."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from apiflask import APIFlask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from app.accounts.demo import DEMO_USERS
from app.config import Settings
from app.factory import create_app
from tests.postman.collection import Item, Json, folders_in, load, requests_in, script
from tests.postman.form import FORM
from tests.support.newman import COLLECTION, ROOT

SECRET = "a secret of the tests, longer than thirty-two bytes"
ADVICE = "write the examples anew: .venv/bin/python -m tests.postman.examples"
MAX_SIGN_INS = 6  # ten runs in one minute stay below the sixty of one address
ANY_ID = "00000000-0000-7000-8000-000000000000"

RINGBACK = load()
REQUESTS = list(requests_in(RINGBACK))
(ERRORS,) = (list(requests_in(each)) for each in RINGBACK["item"] if each["name"] == "Errors")
BY_NAME = pytest.mark.parametrize("item", REQUESTS, ids=lambda item: item["name"])


@pytest.fixture(scope="module")
def web_app() -> APIFlask:
    return create_app(Settings.load(secret_key=SECRET, environment="development"))


@pytest.fixture(scope="module")
def openapi(web_app: APIFlask) -> dict[str, Json]:
    with web_app.test_request_context():
        return dict(web_app.spec)


def test_it_has_the_form_of_a_collection_2_1() -> None:
    errors = jsonschema_rs.validator_for(FORM).iter_errors(RINGBACK)
    assert [f"{each.instance_path}: {each.message}" for each in errors] == []


def test_every_route_has_a_request_and_every_request_a_route(web_app: APIFlask) -> None:
    routes = {
        f"{method} {rule.rule}"
        for rule in web_app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    asked = {
        item["name"]: f"{item['request']['method']} {rule_of(web_app, item)}"
        for item in REQUESTS
        if item not in ERRORS
    }
    assert routes - set(asked.values()) == set(), "routes without a request"
    surplus = {name: route for name, route in asked.items() if route not in routes}
    assert surplus == {}, "requests without a route"


@BY_NAME
def test_each_request_is_described_tested_and_has_an_example(item: Item) -> None:
    assert len(item["request"]["description"]) > 40
    assert "**Comes back:**" in item["request"]["description"]
    assert item["response"]
    assert "pm.response.to.have.status(" in script(item)
    assert re.search(r"pm\.expect\(|to\.have\.(jsonSchema|header)\(", script(item)), "the shape"


def test_every_folder_says_what_it_is_for() -> None:
    assert [each["name"] for each in folders_in(RINGBACK) if not each.get("description")] == []


def test_names_are_unique_because_a_run_goes_by_them() -> None:
    names = [each["name"] for each in [*REQUESTS, *folders_in(RINGBACK)]]
    assert sorted(names) == sorted(set(names))


@BY_NAME
def test_the_address_that_is_shown_is_the_one_that_is_sent(item: Item) -> None:
    url = item["request"]["url"]
    query = [f"{each['key']}={each['value']}" for each in active_query(item)]
    shown = "/".join([*url["host"], *url["path"]]) + ("?" + "&".join(query) if query else "")
    assert url["raw"] == shown


@BY_NAME
def test_the_first_example_answers_the_request_as_it_is_now(item: Item) -> None:
    request = {key: value for key, value in item["request"].items() if key != "description"}
    assert item["response"][0]["originalRequest"] == request, ADVICE


@BY_NAME
def test_the_examples_are_what_the_server_says_it_answers(
    item: Item, web_app: APIFlask, openapi: dict[str, Json]
) -> None:
    for example in item["response"]:
        schema = schema_of(item, example, web_app, openapi)
        if schema is not None:
            validator = jsonschema_rs.validator_for(schema, validate_formats=True)
            errors = validator.iter_errors(json.loads(example["body"]))
            assert [f"{each.instance_path}: {each.message}" for each in errors] == [], ADVICE


def test_most_examples_are_held_to_a_schema(web_app: APIFlask, openapi: dict[str, Json]) -> None:
    held = [each for each in REQUESTS if schema_of(each, each["response"][0], web_app, openapi)]
    assert len(held) > len(REQUESTS) / 2


def test_variables_are_declared_and_used() -> None:
    text = json.dumps([RINGBACK["item"], RINGBACK["auth"]])
    named = set(re.findall(r"\{\{(\w+)\}\}", text))
    named |= set(re.findall(r"ariables\.(?:get|set)\(\\\"(\w+)\\\"", text))
    assert named == {each["key"] for each in RINGBACK["variable"]}
    assert all(each["description"] for each in RINGBACK["variable"])


def test_the_error_codes_it_names_are_those_of_the_server() -> None:
    code = "".join(path.read_text() for path in (ROOT / "app").rglob("*.py"))
    known = {*re.findall(r'"([a-z_]+)"', code), "method_not_allowed", "unsupported_media_type"}
    said = " ".join(each["request"]["description"] for each in REQUESTS)
    named = {
        name
        for codes in re.findall(r"\b4\d\d ((?:`\w+`(?:, | or )?)+)", said)
        for name in re.findall(r"`(\w+)`", codes)
    }
    assert len(named) > 10
    assert named - known == set()


def test_it_signs_in_seldom_enough_for_the_throttle() -> None:
    paths = [each["request"]["url"]["path"] for each in REQUESTS]
    assert 0 < paths.count(["v1", "login"]) <= MAX_SIGN_INS


def test_it_keeps_no_secret_but_the_demo_passwords() -> None:
    demo = {password for _, password, _ in DEMO_USERS}
    allowed = demo | {"", "not the password", "made-up", "Bearer"}
    found = {text for text in secrets_in(RINGBACK) if not re.fullmatch(r"<\w+>", text)}
    assert demo <= found
    assert {text for text in found if "{{" not in text} <= allowed
    text = COLLECTION.read_text()
    assert re.findall(r"eyJ[\w-]{10,}|[0-9a-f-]{36}\.[\w-]{43}|Bearer [\w.-]{20,}", text) == []


def rule_of(web_app: APIFlask, item: Item) -> str:
    """The rule of the URL map that the request reaches; its path if there is none."""
    path = "/" + "/".join(item["request"]["url"]["path"])
    path = re.sub(r"\{\{\$?\w+\}\}", ANY_ID, path)
    adapter = web_app.url_map.bind("localhost")
    try:
        rule, _ = adapter.match(path, item["request"]["method"], return_rule=True)
    except HTTPException:
        return path
    assert isinstance(rule, Rule)
    return rule.rule


def active_query(item: Item) -> list[dict[str, str]]:
    return [each for each in item["request"]["url"].get("query", []) if not each.get("disabled")]


def schema_of(
    item: Item, example: dict[str, Any], web_app: APIFlask, openapi: dict[str, Json]
) -> dict[str, Json] | None:
    """What the API description says of this answer; None if it is no JSON or is not described."""
    if example["_postman_previewlanguage"] != "json" or not example["body"]:
        return None
    schemas = openapi["components"]["schemas"]
    if example["code"] >= 400:
        return strict({"$ref": "#/components/schemas/HTTPError"}, schemas)
    path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule_of(web_app, item))
    if path not in openapi["paths"]:
        return None
    operation = openapi["paths"][path][item["request"]["method"].lower()]
    answer = operation["responses"][str(example["code"])]["content"]["application/json"]
    return strict(answer["schema"], schemas)


def strict(schema: dict[str, Json], schemas: dict[str, Json]) -> dict[str, Json]:
    """The schema, in which a field that it does not name is a fault as well."""
    closed = {
        name: each | ({"additionalProperties": False} if "properties" in each else {})
        for name, each in schemas.items()
    }
    return {**schema, "components": {"schemas": closed}}


def secrets_in(node: Json, name: str = "") -> Iterator[str]:
    """Every text that stands under the name of a password or a token."""
    if isinstance(node, dict):
        if "key" in node and "value" in node:
            yield from secrets_in(node["value"], str(node["key"]))
        for key, each in node.items():
            yield from secrets_in(each, key)
    elif isinstance(node, list):
        for each in node:
            yield from secrets_in(each, name)
    elif isinstance(node, str) and name in {"raw", "body"} and node.lstrip().startswith("{"):
        yield from secrets_in(parsed(node))
    elif isinstance(node, str) and re.search("password|token|secret", name):
        yield node


def parsed(text: str) -> Json:
    try:
        return json.loads(re.sub(r"(?<!\")\{\{\w+\}\}", "0", text))
    except json.JSONDecodeError:
        return {}  # one request is broken on purpose

"""The example answers in the collection: real ones, shortened, without tokens.

`.venv/bin/python -m tests.postman.examples` runs the collection against `make run` and writes the
first example of each request anew; another address can be given.
"""

import json
import sys
from http import HTTPStatus
from typing import Any

from tests.postman.collection import Item, Json, load, requests_in, save
from tests.support.newman import NewmanReport, run_collection

SHOWN_HEADERS = (
    *("Accept-Ranges", "Allow", "Cache-Control", "Content-Disposition", "Content-Range"),
    *("Content-Type", "ETag", "Idempotent-Replayed", "Location", "Retry-After"),
    *("WWW-Authenticate", "X-Request-Id"),
)
# What would not be good for anybody else: `<name>` stands in its place.
HIDDEN = {"access_token", "refresh_token", "csrf_token", "worker", "next"}
MAX_ITEMS = 2  # of objects; a list of names is shown whole
MAX_LINES = 8
MAX_JSON = 8000
PRUNED_DEPTH = 3


def write(base_url: str) -> None:
    """Run the collection there, and keep what each request was answered.

    Raises:
        AssertionError: the run failed; a wrong answer is no example.
    """
    report = run_collection(base_url)
    assert report.status == 0, report.output
    collection = load()
    for item in requests_in(collection):
        item["response"] = [make_example(item, _answer(report, item)), *item["response"][1:]]
    save(collection)


def make_example(item: Item, answer: dict[str, Json]) -> dict[str, Json]:
    """An answer in newman's report as a saved example."""
    request = {key: value for key, value in item["request"].items() if key != "description"}
    sent = {each["key"].lower(): each["value"] for each in answer["header"]}
    headers = {name: sent[name.lower()] for name in SHOWN_HEADERS if name.lower() in sent}
    kind = headers.get("Content-Type", "")
    phrase = HTTPStatus(answer["code"]).phrase
    return {
        "name": f"{answer['code']} {phrase}",
        "originalRequest": request,
        "status": phrase,
        "code": answer["code"],
        "_postman_previewlanguage": next(
            (each for each in ("json", "html") if each in kind), "text"
        ),
        "header": [{"key": name, "value": value} for name, value in headers.items()],
        "cookie": [],
        "body": _body(bytes(answer["stream"]["data"]), kind),
    }


def _answer(report: NewmanReport, item: Item) -> dict[str, Any]:
    """The last answer that the request was given: a repeated one ends as it should."""
    found = [each for each in report.executions if each["item"]["name"] == item["name"]]
    answer: dict[str, Any] = found[-1]["response"]
    return answer


def _body(content: bytes, kind: str) -> str:
    if content and "json" in kind:
        return _json_text(json.loads(content))
    if not kind.startswith(("text/html", "text/plain")):
        return ""  # a file: its bytes would show nothing
    lines = content.decode().splitlines()
    if kind.startswith("text/plain"):
        lines = [line for line in lines if "ringback_" in line]  # not those of Python's library
    return "\n".join(lines[:MAX_LINES] + ["…"] * (len(lines) > MAX_LINES))


def _json_text(value: Json) -> str:
    text = json.dumps(_shown(value), indent=2, ensure_ascii=False)
    if len(text) > MAX_JSON:
        text = json.dumps(_pruned(value, PRUNED_DEPTH), indent=2, ensure_ascii=False)
    return text


def _shown(value: Json) -> Json:
    if isinstance(value, list):
        short = value[:MAX_ITEMS] if all(isinstance(each, dict) for each in value) else value
        return [_shown(each) for each in short]
    if isinstance(value, dict):
        return {key: _hidden(key, each) for key, each in value.items()}
    return value


def _hidden(key: str, value: Json) -> Json:
    return f"<{key}>" if key in HIDDEN and isinstance(value, str) else _shown(value)


def _pruned(value: Json, depth: int) -> Json:
    """The outline of what is large: what lies deeper is left out."""
    if not isinstance(value, dict | list):
        return value
    if depth == 0:
        return type(value)()
    if isinstance(value, list):
        return [_pruned(each, depth - 1) for each in value[:MAX_ITEMS]]
    return {key: _pruned(each, depth - 1) for key, each in value.items()}


if __name__ == "__main__":
    write(sys.argv[1] if len(sys.argv) > 1 else "http://localhost:5005")

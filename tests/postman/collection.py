"""Reading the collection: its requests, wherever they stand in its folders."""

import json
from collections.abc import Iterator
from typing import Any

from tests.support.newman import COLLECTION

Item = dict[str, Any]
Json = Any


def load() -> dict[str, Json]:
    """The collection as it is in the file."""
    collection: dict[str, Json] = json.loads(COLLECTION.read_text())
    return collection


def save(collection: dict[str, Json]) -> None:
    """Write the collection in the form in which Postman exports it."""
    COLLECTION.write_text(json.dumps(collection, indent="\t", ensure_ascii=False) + "\n")


def requests_in(node: dict[str, Json]) -> Iterator[Item]:
    """The items with a request, in the order in which a run sends them."""
    for item in node["item"]:
        if "item" in item:
            yield from requests_in(item)
        else:
            yield item


def folders_in(node: dict[str, Json]) -> Iterator[Item]:
    """The folders, those within folders included."""
    for item in node["item"]:
        if "item" in item:
            yield item
            yield from folders_in(item)


def script(node: dict[str, Json], listen: str = "test") -> str:
    """A script of a request, a folder or the collection; empty without one."""
    found = [each for each in node.get("event", []) if each["listen"] == listen]
    return "\n".join(line for each in found for line in each["script"]["exec"])

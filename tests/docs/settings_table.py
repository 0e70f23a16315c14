"""The table of settings in the documentation, made from `Settings`.

`.venv/bin/python -m tests.docs.settings_table` writes it anew.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from app.config import Settings

PAGE = Path(__file__).resolve().parents[2] / "docs/settings.md"
BEGIN, END = "<!-- settings: begin -->\n", "<!-- settings: end -->\n"

LIMITS = {
    "minimum": "from {}",
    "exclusiveMinimum": "above {}",
    "maximum": "to {}",
    "exclusiveMaximum": "below {}",
}
KINDS = {"integer": "whole number", "number": "number", "boolean": "`true` or `false`"}


def make_table() -> str:
    """The settings as a Markdown table, in the order of their declaration."""
    head = "| variable | value | default | meaning |\n| --- | --- | --- | --- |\n"
    return head + "".join(f"| {' | '.join(row)} |\n" for row in _rows())


def present_table() -> str:
    """The table as the page has it."""
    return PAGE.read_text().partition(BEGIN)[2].partition(END)[0]


def write() -> None:
    """Put the table into the page."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(before + BEGIN + make_table() + END + after)


def _rows() -> Iterator[tuple[str, str, str, str]]:
    properties = Settings.model_json_schema()["properties"]
    for name, field in Settings.model_fields.items():
        variable = f"`{Settings.model_config['env_prefix']}{name.upper()}`"
        value = _value(properties[name])
        yield variable, value, _default(field.default), str(field.description)


def _value(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:  # optional: the default says what happens without it
        schema = schema["anyOf"][0]
    if "enum" in schema:
        return " or ".join(f"`{each}`" for each in schema["enum"])
    if schema["type"] == "array":
        return "list, split by commas"
    if "format" in schema:
        return {"password": "text, kept secret", "path": "path"}[schema["format"]]
    limits = [text.format(schema[key]) for key, text in LIMITS.items() if key in schema]
    return " ".join([KINDS.get(schema["type"], "text"), *limits])


def _default(default: Any) -> str:
    if isinstance(default, SecretStr):  # an address without a password: nothing to hide
        default = default.get_secret_value()
    if isinstance(default, list):
        default = ",".join(default)
    if default in ("", None):
        return "none"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


if __name__ == "__main__":
    write()

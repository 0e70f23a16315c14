"""A small, strict check of JSON Schema: the keywords in use here, each with what it must hold."""

from typing import Any

NUMBERS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
COUNTS = {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}
TEXTS = {"title", "description", "format", "pattern", "$ref"}
FREE = {"default", "const", "enum", "examples", "uniqueItems"}
TYPES = {"null", "boolean", "integer", "number", "string", "array", "object"}


def check_schema(schema: Any, where: str = "#") -> None:
    """Fail on an unknown keyword (a validator would ignore it) and on a misused one."""
    assert isinstance(schema, dict), where
    for keyword, value in schema.items():
        _check_keyword(keyword, value, f"{where}/{keyword}")
    assert set(schema.get("required", [])) <= set(schema.get("properties", {})), where


def _check_keyword(keyword: str, value: Any, where: str) -> None:
    if keyword in NUMBERS:
        assert isinstance(value, int | float), where
    elif keyword in COUNTS:
        assert isinstance(value, int), where
    elif keyword in TEXTS:
        assert isinstance(value, str), where
    elif keyword == "type":
        assert value in TYPES, where
    elif keyword in {"required", "x-upload"}:  # the second is Ringback's own: endings of files
        assert all(isinstance(each, str) for each in value), where
    elif keyword not in FREE:
        _check_subschemas(keyword, value, where)


def _check_subschemas(keyword: str, value: Any, where: str) -> None:
    if keyword in {"properties", "$defs"}:
        for name, each in value.items():
            check_schema(each, f"{where}/{name}")
    elif keyword in {"anyOf", "allOf", "oneOf", "prefixItems"}:
        for number, each in enumerate(value):
            check_schema(each, f"{where}/{number}")
    else:
        assert keyword in {"items", "additionalProperties"}, f"{where}: unknown keyword"
        if not isinstance(value, bool):
            check_schema(value, where)

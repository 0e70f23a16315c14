"""The form of a Postman collection 2.1, as far as ours makes use of it, as JSON Schema.

Fields that it does not name are faults: a misspelt one would be ignored by Postman without a word.
"""

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NAME: Schema = {"type": "string", "minLength": 1}


def _object(required: dict[str, Schema], **optional: Schema) -> Schema:
    return {
        "type": "object",
        "properties": required | optional,
        "required": list(required),
        "additionalProperties": False,
    }


def _list(of: Schema) -> Schema:
    return {"type": "array", "items": of}


def _defined(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


PAIR = _object({"key": NAME, "value": TEXT}, description=TEXT, disabled={"type": "boolean"})
AUTH = _object(
    {"type": {"enum": ["bearer", "noauth"]}},
    bearer=_list(_object({"key": {"const": "token"}, "value": NAME, "type": {"const": "string"}})),
)
EVENT = _object(
    {
        "listen": {"enum": ["prerequest", "test"]},
        "script": _object(
            {"type": {"const": "text/javascript"}, "exec": _list(TEXT)},
            packages={"type": "object", "maxProperties": 0},
        ),
    }
)
BODY = _object(
    {
        "mode": {"const": "raw"},
        "raw": TEXT,
        "options": _object({"raw": _object({"language": {"enum": ["json", "text"]}})}),
    }
)
URL = _object({"raw": NAME, "host": _list(NAME), "path": _list(TEXT)}, query=_list(PAIR))
METHOD: Schema = {"enum": ["GET", "POST", "PATCH", "PUT", "DELETE"]}
REQUEST = _object(
    {"method": METHOD, "header": _list(PAIR), "url": URL}, auth=AUTH, body=BODY, description=TEXT
)
RESPONSE = _object(
    {
        "name": NAME,
        "originalRequest": _defined("request"),
        "status": NAME,
        "code": {"type": "integer", "minimum": 200, "maximum": 599},
        "_postman_previewlanguage": {"enum": ["json", "html", "text"]},
        "header": _list(PAIR),
        "cookie": _list({}),
        "body": TEXT,
    }
)
ITEM = _object(
    {
        "name": NAME,
        "request": _defined("request"),
        "response": _list(_defined("response")),
        "event": _list(EVENT),
    },
    protocolProfileBehavior=_object({}, followRedirects={"type": "boolean"}),
)
FOLDER = _object(
    {"name": NAME, "item": {"type": "array", "minItems": 1, "items": _defined("node")}},
    description=NAME,
    auth=AUTH,
)
FORM: Schema = {
    **_object(
        {
            "info": _object(
                {
                    "name": NAME,
                    "description": NAME,
                    "schema": {
                        "const": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
                    },
                }
            ),
            "item": {"type": "array", "minItems": 1, "items": _defined("node")},
        },
        auth=AUTH,
        event=_list(EVENT),
        variable=_list(
            _object({"key": NAME, "value": TEXT, "type": {"const": "string"}, "description": NAME})
        ),
    ),
    "$defs": {
        "request": REQUEST,
        "response": RESPONSE,
        # The two are told apart by what they hold, so that an error names the right place.
        "node": {"if": {"required": ["item"]}, "then": FOLDER, "else": ITEM},
    },
}

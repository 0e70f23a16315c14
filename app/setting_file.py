"""The file of settings: YAML or JSON, flat or in sections, read strictly and flattened.

A section's name and a key in it, joined by `_`, name a setting: `redis: {url: …}` is `redis_url`.
The section `celery` also knows its settings as Celery writes them.
"""

import difflib
import errno
import json
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from app.errors import ConfigError

DEFAULT_NAMES = ("ringback.yaml", "ringback.json")
MOST_BYTES = 1 << 20
MOST_LEVELS = 20
NO_TAGS = "tags (!) are not used here; quote text that begins with one"
CELERY = {"celery_broker": "broker_url", "celery_broker_url": "broker_url"}
UNUSED = dict.fromkeys(
    ("celery_result_backend", "celery_backend"),
    "is not used: results are kept in Postgres, where no backend is needed. Remove it",
)


@dataclass
class SettingFile:
    """What a file says.

    Attributes:
        values: by the name of the setting.
        keys: where each stands, as written there: `celery.broker_url`.
        notes: a sentence on each key that is permitted and does nothing.
    """

    path: Path
    values: dict[str, Any] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def label(self, name: str, *parts: str) -> str:
        """How to speak of a setting that stands here, or of a part of it."""
        return f"{'.'.join([self.keys[name], *parts])} in {self.path}"


def find_default() -> Path | None:
    """The file in the working directory that counts if none is named.

    Raises:
        ConfigError: there are two, or somebody else may have planted it.
    """
    found = [Path.cwd() / name for name in DEFAULT_NAMES if os.path.lexists(name)]
    if len(found) > 1:
        raise ConfigError(f"There are {found[0]} and {found[1]}: keep one of them.")
    for path in found:
        _refuse_planted(path, path.lstat())
    return found[0] if found else None


def read(path: Path, names: Collection[str], *, found: bool = False) -> SettingFile:
    """Read the file and flatten its sections.

    Args:
        names: of all settings.
        found: nobody named it, see `find_default`; by now another may stand in its place.

    Raises:
        ConfigError: it is no such file, or a key in it names no setting, or one that another names.
        OSError: it cannot be read.
    """
    text = _text(path, found=found)
    loaded = _from_json(path, text) if path.suffix == ".json" else _from_yaml(path, text)
    if loaded is None:
        raise ConfigError(f"{path} is empty. Write such as `port: 5005`, or remove it.")
    if not isinstance(loaded, dict):
        raise ConfigError(
            f"{path} cannot be read as settings: it is no mapping of names to values."
        )
    file = SettingFile(path)
    complaints: list[str] = []
    for key, value in _leaves(loaded, set(names)):
        complaints += _take(file, key, value, set(names))
    if complaints:
        raise ConfigError("\n".join([f"{path} cannot be used:", *complaints]))
    return file


def _take(file: SettingFile, key: str, value: Any, names: set[str]) -> Iterator[str]:
    """Put one key where it belongs; yields what is wrong with it."""
    flat = key.replace(".", "_").lower()
    name = CELERY.get(flat, flat)
    if flat in UNUSED:
        file.notes.append(f"{key} in {file.path} {UNUSED[flat]}.")
    elif name not in names:
        yield f"  - {key} is not a setting of Ringback{_suggestion(flat, names)}"
    elif name in file.keys:
        yield f"  - {file.keys[name]} and {key} are one setting, {name}: keep one of them"
    else:
        file.values[name], file.keys[name] = value, key


def _leaves(section: dict[str, Any], names: set[str], above: str = "") -> Iterator[tuple[str, Any]]:
    """Each key with those above it, and its value; an empty section that could be has none."""
    for key, value in section.items():
        path = f"{above}{key}"
        prefix = path.replace(".", "_").lower() + "_"
        is_section = any(each.startswith(prefix) for each in {*names, *CELERY})
        if path.count(".") > MOST_LEVELS:
            raise ConfigError("A key of the file of settings lies below too many others.")
        if isinstance(value, dict) and value:
            yield from _leaves(value, names, f"{path}.")
        elif not (is_section and value in ({}, None) and prefix[:-1] not in names):
            yield path, value


def _suggestion(flat: str, names: set[str]) -> str:
    near = difflib.get_close_matches(flat, {*names, *CELERY}, n=1)
    return f" (do you mean {near[0].replace('celery_', 'celery.', 1)}?)" if near else ""


def _refuse_planted(path: Path, facts: os.stat_result) -> None:
    """Whoever may write into the working directory must not configure what others start there."""
    owners = {0, os.geteuid()} if hasattr(os, "geteuid") else {facts.st_uid}
    safe = stat.S_ISREG(facts.st_mode) and facts.st_uid in owners and not facts.st_mode & 0o022
    if not safe:
        raise ConfigError(
            f"{path} is not used: it must be a file of your own (or root's) that nobody else may "
            "write (chmod go-w). Or name it: RINGBACK_CONFIG. An empty RINGBACK_CONFIG means no file."
        )


def _text(path: Path, *, found: bool) -> str:
    with open(path, "rb", opener=_open_itself if found else None) as file:
        if found:
            _refuse_planted(path, os.fstat(file.fileno()))
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise OSError(errno.EFBIG, "it is too large for a file of settings", str(path))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} cannot be read: it is not UTF-8 text.") from error


def _open_itself(path: str, flags: int) -> int:
    """Follow no link, and do not wait for one who writes into a pipe."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _from_json(path: Path, text: str) -> Any:
    if not text.strip():
        return None
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        # Not the text around it, which may be a secret.
        raise _unreadable(path, f"line {error.lineno}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise _unreadable(path, str(error)) from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"{key!r} stands twice in one section")
        found[key] = value
    return found


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no number")


def _from_yaml(path: Path, text: str) -> Any:
    try:
        _refuse_surprises(text)
        root = yaml.compose(text, yaml.SafeLoader)
        return None if root is None else _value(root)
    except yaml.MarkedYAMLError as error:
        raise _unreadable(path, _problem(error)) from error
    except yaml.reader.ReaderError as error:
        raise _unreadable(path, f"character {error.position}: {error.reason}") from error
    except ValueError as error:
        raise _unreadable(path, str(error)) from error


def _problem(error: yaml.MarkedYAMLError) -> str:
    """What is wrong where. Not `str(error)`: it shows the line, which may be a secret."""
    mark, problem = error.problem_mark, str(error.problem)
    place = f"line {mark.line + 1}: " if mark is not None else ""
    # It quotes the tag: of `password: !start!end`, the start.
    return place + (NO_TAGS if "tag handle" in problem else problem)


def _refuse_surprises(text: str) -> None:
    """Of YAML, what a list of settings does not need: aliases can grow without limit."""
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        place = f"line {event.start_mark.line + 1}: "  # type: ignore[union-attr]  # it has one
        if getattr(event, "anchor", None) is not None:
            raise ValueError(place + "anchors (&) and aliases (*) are not used here; quote text")
        if getattr(event, "tag", None) is not None:
            raise ValueError(place + NO_TAGS)
        if depth > MOST_LEVELS:
            raise ValueError(place + "there are too many levels")


def _value(node: yaml.Node) -> Any:
    if isinstance(node, yaml.MappingNode):
        return _unique([(_key(key), _value(value)) for key, value in node.value])
    if isinstance(node, yaml.SequenceNode):
        return [_value(each) for each in node.value]
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node)
    finally:
        loader.dispose()


def _key(node: yaml.Node) -> str:
    if node.tag != "tag:yaml.org,2002:str":
        raise ValueError(f"line {node.start_mark.line + 1}: a name must be text")
    return str(node.value)


def _unreadable(path: Path, reason: str) -> ConfigError:
    return ConfigError(f"{path} cannot be read as settings: {reason}.")

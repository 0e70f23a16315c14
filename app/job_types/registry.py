"""The catalogue of job types: finds them by itself, so that a new type is one new file."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from inspect import isabstract
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import pydantic

from app.errors import ConfigError, InvalidInput
from app.job_types.base import JobType, Parameters
from app.job_types.json_values import mended, refusals

MAX_FIELDS = 50
"""A million-element list can be wrong in a million places; nobody reads more than these."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")

AnyJobType = JobType[Any]


class JobTypes:
    """The job types of one process, in the order of their names; made by `load`."""

    def __init__(self, job_types: Iterable[AnyJobType]) -> None:
        self._by_name = {each.name: each for each in sorted(job_types, key=lambda it: it.name)}

    def __iter__(self) -> Iterator[AnyJobType]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def find(self, name: str) -> AnyJobType | None:
        """The type of this name, if there is one (any more)."""
        return self._by_name.get(name)

    def get(self, name: str) -> AnyJobType:
        """The type of this name.

        Raises:
            InvalidInput: `unknown_job_type`, with the names that are known.
        """
        job_type = self.find(name)
        if job_type is None:
            known = ", ".join(self._by_name) or "none at all"
            raise InvalidInput(
                "There is no such job type.",
                {"type": [f"There is no job type of this name; known are: {known}."]},
                code="unknown_job_type",
            )
        return job_type

    def title(self, name: str) -> str:
        """The type's title for people; of a type that is gone, its name."""
        job_type = self.find(name)
        return job_type.title if job_type else name

    @staticmethod
    def validate(job_type: AnyJobType, params: object) -> Parameters:
        """Check parameters that came as JSON (parsed, but otherwise untrusted).

        Texts that cannot be stored are mended: see `app.job_types.json_values`.

        Raises:
            InvalidInput: `invalid_parameters`; names each field as `params.<path>`.
        """
        wrong = dict(refusals(params, "params", MAX_FIELDS))
        if wrong:
            raise _invalid(job_type, wrong)
        try:
            # As JSON, where a strict model reads dates, ids and enums out of text.
            return job_type.parameters.model_validate_json(json.dumps(mended(params)))
        except pydantic.ValidationError as error:
            raise _invalid(job_type, _by_field(error, params)) from error


def load(packages: Iterable[str]) -> JobTypes:
    """Find the job types in all modules of the packages.

    Args:
        packages: importable names, for example `app.job_types`.

    Raises:
        ConfigError: a package or module cannot be imported, a type is not fit for use, or two have
            one name; the message names the module and what to do.
    """
    found: dict[str, AnyJobType] = {}
    for package in dict.fromkeys(packages):
        for module in _modules(package):
            for kind in _types_in(module):
                job_type = _checked(kind)
                other = found.setdefault(job_type.name, job_type)
                if other is not job_type:
                    raise ConfigError(
                        f"Two job types are named {job_type.name!r}: {_where(type(other))} and "
                        f"{_where(kind)}. Rename one of them."
                    )
    return JobTypes(found.values())


def _modules(package: str) -> Iterator[ModuleType]:
    root = _import(package)
    if not hasattr(root, "__path__"):
        raise ConfigError(
            f"{package} is a module, not a package: name the package that it is in "
            "(RINGBACK_JOB_TYPE_PACKAGES)."
        )
    yield root
    for info in iter_modules(root.__path__, f"{package}."):
        yield _import(info.name)


def _import(name: str) -> ModuleType:
    try:
        return import_module(name)
    except Exception as error:
        raise ConfigError(
            f"{name} cannot be imported to look for job types: {type(error).__name__}: {error}. "
            "Mend it, or take it out of RINGBACK_JOB_TYPE_PACKAGES."
        ) from error


def _types_in(module: ModuleType) -> list[type[AnyJobType]]:
    """The concrete job types that the module itself defines, each once."""
    return [
        value
        for value in dict.fromkeys(v for v in vars(module).values() if isinstance(v, type))
        if issubclass(value, JobType)
        and value.__module__ == module.__name__
        and not isabstract(value)
    ]


def _checked(kind: type[AnyJobType]) -> AnyJobType:
    """An instance of the type, once all that its class declares is fit for use."""
    problem = next(_problems(kind), None)
    if problem is not None:
        raise ConfigError(f"Job type {_where(kind)}: {problem}")
    try:
        job_type = kind()
    except Exception as error:
        raise ConfigError(
            f"Job type {_where(kind)}: it must be possible to make one without arguments, but that "
            f"raised {type(error).__name__}: {error}"
        ) from error
    _check_example(job_type)
    return job_type


def _problems(kind: Any) -> Iterator[str]:
    """What is wrong with the attributes of a class, which may not be what the types promise."""
    for attribute in ("name", "title", "parameters", "example"):
        if not hasattr(kind, attribute):
            yield f"the class attribute `{attribute}` is missing; declare it (see JobType)."
            return
    if not (isinstance(kind.name, str) and _NAME.fullmatch(kind.name)):
        yield f"`name` must be snake_case of at most 64 characters, not {kind.name!r}."
    if not (isinstance(kind.title, str) and kind.title.strip()):
        yield "`title` must be a text for people."
    if not (isinstance(kind.parameters, type) and issubclass(kind.parameters, Parameters)):
        yield "`parameters` must be a subclass of app.job_types.base.Parameters."
    if not isinstance(kind.example, Mapping):
        yield "`example` must be a dict of parameters."
    if not (isinstance(kind.queue, str) and kind.queue):
        yield "`queue` must name a Celery queue."
    yield from _limit_problems(kind)


def _limit_problems(kind: Any) -> Iterator[str]:
    if kind.priority not in range(10):
        yield f"`priority` must be from 0 (first) to 9 (last), not {kind.priority!r}."
    if not (isinstance(kind.max_attempts, int) and kind.max_attempts >= 1):
        yield f"`max_attempts` must be 1 or more, not {kind.max_attempts!r}."
    active = kind.max_active_per_user
    if active is not None and not (isinstance(active, int) and active >= 1):
        yield f"`max_active_per_user` must be None, or 1 or more, not {active!r}."
    if not 0 < kind.soft_seconds < kind.hard_seconds:
        yield "`soft_seconds` must be above 0, and `hard_seconds` above `soft_seconds`."
    if not all(isinstance(each, type) and issubclass(each, Exception) for each in kind.retry_on):
        yield f"`retry_on` must be a tuple of exception classes, not {kind.retry_on!r}."
    if not isinstance(kind.repeatable, bool):
        yield f"`repeatable` must be True or False, not {kind.repeatable!r}."


def _check_example(job_type: AnyJobType) -> None:
    try:
        JobTypes.validate(job_type, dict(job_type.example))
        job_type.parameters.model_json_schema()
    except InvalidInput as error:
        raise ConfigError(
            f"Job type {_where(type(job_type))}: its `example` does not fit its own parameters: "
            f"{error.fields}. Correct one of them."
        ) from error
    except pydantic.PydanticUserError as error:
        raise ConfigError(
            f"Job type {_where(type(job_type))}: its parameters have no JSON Schema: {error}"
        ) from error


def _where(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"


def _invalid(job_type: AnyJobType, fields: dict[str, list[str]]) -> InvalidInput:
    return InvalidInput(
        f"The parameters do not fit the job type {job_type.name}.",
        fields,
        code="invalid_parameters",
    )


def _by_field(error: pydantic.ValidationError, params: object) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for item in error.errors(include_url=False, include_input=False)[:MAX_FIELDS]:
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = "There is no such parameter"
        path = _path(params, item["loc"], item["type"] == "missing")
        fields.setdefault(path, []).append(message)
    return fields


def _path(params: object, location: tuple[int | str, ...], missing: bool) -> str:
    """The dotted path of a field.

    pydantic puts the alternatives of a union into its locations; the client sent none of these.
    """
    parts = ["params"]
    here: Any = params
    for part in location:
        sent = isinstance(part, int) if isinstance(here, list) else _names(here, part)
        if sent:
            parts.append(str(part))
            here = here[part]
    return ".".join([*parts, str(location[-1])] if missing else parts)


def _names(value: object, part: int | str) -> bool:
    return isinstance(value, dict) and part in value

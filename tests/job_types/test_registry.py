"""The catalogue: how types are found, what stops the start, and what a client is told."""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest

from app.errors import ConfigError, InvalidInput
from app.job_types import json_values, registry
from app.job_types.base import JobContext, JobType, Json, Parameters

NUMBERS = count(1)

HEAD = """
from app.job_types.base import JobType, Parameters

class Nothing(Parameters):
    pass
"""

TYPE = """
class {kind}(JobType[Nothing]):
    name = {name!r}
    title = "A type"
    parameters = Nothing
    example = {{}}

    def run(self, context, parameters):
        return {{}}
"""

MakePackage = Callable[..., str]


@pytest.fixture
def make_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakePackage:
    """Makes an importable package out of the texts of its modules; its name comes back."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(**modules: str) -> str:
        name = f"made_types_{next(NUMBERS)}"
        (tmp_path / name).mkdir()
        for module, text in ({"__init__": ""} | modules).items():
            (tmp_path / name / f"{module}.py").write_text(text)
        return name

    return make


def module(*names: str, instead: tuple[str, str] = ("", "")) -> str:
    """The text of a module with types of these names, with one piece replaced."""
    types = [TYPE.format(kind=name.title(), name=name) for name in names]
    return HEAD + "".join(types).replace(*instead)


def test_types_of_all_modules_of_all_packages_are_found_in_order(
    make_package: MakePackage,
) -> None:
    first = make_package(b=module("walrus", "ant"), a="", c=module("bee"))
    second = make_package(__init__=module("yak"))
    found = registry.load([second, first, first])
    assert [each.name for each in found] == ["ant", "bee", "walrus", "yak"]
    assert found.get("bee") is found.find("bee")
    assert found.title("bee") == "A type"


def test_a_type_that_is_only_imported_or_abstract_is_not_taken(make_package: MakePackage) -> None:
    names = make_package(
        a=module("ant"),
        b="from .a import Ant, JobType\nAlias = Ant\n\nclass Half(JobType):\n    name = 'half'\n",
    )
    assert [each.name for each in registry.load([names])] == ["ant"]


def test_two_types_of_one_name_stop_the_start_and_both_are_named(
    make_package: MakePackage,
) -> None:
    first, second = make_package(a=module("ant")), make_package(b=module("ant"))
    with pytest.raises(ConfigError) as caught:
        registry.load([first, second])
    assert f"{first}.a.Ant" in caught.value.message
    assert f"{second}.b.Ant" in caught.value.message
    assert "Rename" in caught.value.message


@pytest.mark.parametrize(
    ("instead", "mentions"),
    [
        (("    name = 'ant'\n", ""), "`name` is missing"),
        (("    title = ", "    titel = "), "`title` is missing"),
        (("    parameters = Nothing\n", ""), "`parameters` is missing"),
        (("    example = {}\n", ""), "`example` is missing"),
        (("name = 'ant'", "name = 'Ant eater'"), "snake_case"),
        (('title = "A type"', "title = ' '"), "`title`"),
        (("parameters = Nothing", "parameters = dict"), "`parameters`"),
        (("example = {}", "example = []"), "`example`"),
        (("example = {}", "example = {'rows': 1}"), "params.rows"),
        (("example = {}", "example = {'when': object()}"), "params.when"),
        (("example = {}", "example = {}; priority = 10"), "`priority`"),
        (("example = {}", "example = {}; queue = ''"), "`queue`"),
        (("example = {}", "example = {}; max_attempts = 0"), "`max_attempts`"),
        (("example = {}", "example = {}; max_active_per_user = 0"), "`max_active_per_user`"),
        (("example = {}", "example = {}; repeatable = 'no'"), "`repeatable`"),
        (("def run", "def __init__(self, store): ...\n    def run"), "without arguments"),
    ],
)
def test_a_type_that_is_not_fit_for_use_stops_the_start_and_says_why(
    make_package: MakePackage, instead: tuple[str, str], mentions: str
) -> None:
    package = make_package(a=module("ant", instead=instead))
    with pytest.raises(ConfigError) as caught:
        registry.load([package])
    assert f"{package}.a.Ant" in caught.value.message
    assert mentions in caught.value.message


@pytest.mark.parametrize("text", ["import nothing_of_this_name", "1 / 0", "def"])
def test_a_module_that_cannot_be_imported_stops_the_start(
    make_package: MakePackage, text: str
) -> None:
    package = make_package(broken=text)
    with pytest.raises(ConfigError, match=rf"{package}\.broken cannot be imported"):
        registry.load([package])


def test_a_package_that_is_missing_or_a_module_stops_the_start() -> None:
    with pytest.raises(ConfigError, match="RINGBACK_JOB_TYPE_PACKAGES"):
        registry.load(["no_such_package"])
    with pytest.raises(ConfigError, match="not a package"):
        registry.load(["app.job_types.add"])


class Inner(Parameters):
    """A part of the parameters."""

    size: int


class Probe(Parameters):
    """One field of each kind that is easily got wrong."""

    whole: int = 1
    number: float = 1
    text: str = ""
    flag: bool = True
    sizes: list[int] = []
    inner: Inner | None = None
    either: int | str = 1


class Probing(JobType[Probe]):
    name = "probing"
    title = "Probe"
    parameters = Probe
    example: ClassVar[dict[str, Any]] = {}

    def run(self, context: JobContext, parameters: Probe) -> dict[str, Json]:
        return {}


PROBING = registry.JobTypes([Probing()])


def refused(params: object) -> dict[str, list[str]]:
    with pytest.raises(InvalidInput) as caught:
        PROBING.validate(PROBING.get("probing"), params)
    assert caught.value.code == "invalid_parameters"
    json.dumps(caught.value.fields).encode()
    return caught.value.fields


@pytest.mark.parametrize(
    "params",
    [
        {"whole": True},
        {"whole": "5"},
        {"whole": 5.0},
        {"whole": None},
        {"whole": float("nan")},
        {"whole": json.loads("1e400")},
        {"whole": 10**5000},
        {"number": True},
        {"number": "1"},
        {"number": float("inf")},
        {"number": 10**5000},
        {"text": 5},
        {"flag": 1},
        {"either": []},
        {"either": {}},
        {"inner": []},
        {"unknown": 1},
    ],
)
def test_a_value_of_a_wrong_type_is_refused_at_its_own_field(params: dict[str, Any]) -> None:
    (name,) = params
    assert list(refused(params)) == [f"params.{name}"]


def test_a_field_inside_another_is_named_by_its_path() -> None:
    params = {"sizes": [1, "2", None], "inner": {}, "whole": "x"}
    assert set(refused(params)) == {
        "params.sizes.1",
        "params.sizes.2",
        "params.inner.size",
        "params.whole",
    }


@pytest.mark.parametrize("params", [None, [], "rows", 3, float("nan")])
def test_parameters_that_are_no_object_are_refused(params: object) -> None:
    assert list(refused(params)) == ["params"]


def test_text_that_no_database_takes_is_mended_wherever_it_stands() -> None:
    hostile, mended = "a\x00b\ud800\udc00c\udfff😀\x01", "a\ufffdb\ufffd\ufffdc\ufffd😀\x01"
    params = {"text": hostile, "either": hostile}
    assert PROBING.validate(PROBING.get("probing"), params) == Probe(text=mended, either=mended)
    assert params["text"] == hostile
    assert json_values.mended({"a": [1, None, {"b": hostile}]}) == {"a": [1, None, {"b": mended}]}


def test_names_with_characters_that_no_database_takes_are_refused() -> None:
    assert "NUL" in refused({"a\x00": 1})["params"][0]
    assert "NUL" in refused({"\ud800": float("nan")})["params"][0]


def test_endless_nesting_is_refused() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    assert "64 levels" in refused({"sizes": nested})["params"][0]


def test_thousands_of_mistakes_are_answered_with_the_first_few() -> None:
    assert len(refused({"sizes": ["x"] * 20_000})) == registry.MAX_FIELDS
    assert len(refused({"sizes": [float("nan")] * 20_000})) == registry.MAX_FIELDS


def test_one_bad_number_in_a_long_list_is_found_and_named() -> None:
    for bad in (float("nan"), float("inf"), -(10**4001)):
        for beside in (1, 0.5, True):
            numbers = [beside] * 20_000 + [bad, beside]
            found = json_values.refusals({"a": [numbers]}, "params", 5)
            assert [path for path, _ in found] == ["params.a.0.20000"]


def test_what_is_made_of_very_many_values_counts_as_long_however_it_is_nested() -> None:
    assert json_values.is_long({"a": [1] * 20_000})
    assert json_values.is_long({"a": [{"b": [1] * 50} for _ in range(400)]})
    assert not json_values.is_long({"a": [1] * 5000, "b": "x" * 100_000})


def test_a_whole_number_is_accepted_where_a_fraction_is_asked_for() -> None:
    parameters = PROBING.validate(PROBING.get("probing"), {"number": 2, "either": "x"})
    assert parameters == Probe(number=2, either="x")


def test_an_unknown_type_is_refused_and_the_known_ones_are_listed() -> None:
    with pytest.raises(InvalidInput) as caught:
        PROBING.get("nonsense")
    assert caught.value.code == "unknown_job_type"
    assert "probing" in caught.value.fields["type"][0]
    assert PROBING.find("nonsense") is None
    assert PROBING.title("nonsense") == "nonsense"

"""Which library compresses, and that the rest does as well where one is missing."""

import importlib
import sys
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from types import ModuleType

import openpyxl
import pytest
from lxml import etree

from app.workbooks import archive, deflate
from app.workbooks.book import Workbook
from app.workbooks.deflate import Compression
from app.workbooks.sheet import Column, Sheet
from tests.workbooks import libreoffice
from tests.workbooks.reading import calamine_rows
from tests.workbooks.test_archive import TARGETS

LIBRARIES = ("isal", "zlib_ng")
ROWS = [(number, f"text {number}", None, number / 7) for number in range(3000)]


@pytest.fixture
def without() -> Iterator[Callable[[str], ModuleType]]:
    """The module as it is where libraries are not installed."""
    with pytest.MonkeyPatch.context() as patch:

        def load(*names: str) -> ModuleType:
            for name in [each for each in sys.modules if each.split(".")[0] in names]:
                patch.delitem(sys.modules, name)
            for name in names:
                patch.setitem(sys.modules, name, None)
            # A second copy of the module, so that the one that others have imported stays whole.
            spec = importlib.util.find_spec("app.workbooks.deflate")
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
            patch.setattr(
                archive,
                "deflate_for",
                lambda kind: module.deflate_for(module.Compression(kind.value)),
            )
            return module

        yield load


def workbook(make: Callable[[], BytesIO] = BytesIO, **options: Compression) -> bytes:
    target = make()
    with Workbook(target, **options) as book:
        book.write(Sheet("Rows", [Column("A")] * 4), ROWS)
        book.add_sheet("Other")
    return target.getvalue()


def parts(data: bytes) -> dict[str, bytes]:
    """What is in a workbook, but for the moment at which it was written."""
    with zipfile.ZipFile(BytesIO(data)) as package:
        assert package.testzip() is None
        read = {name: package.read(name) for name in package.namelist()}
    assert all(etree.fromstring(each) is not None for each in read.values())
    del read["docProps/core.xml"]
    return read


def test_each_kind_has_its_library() -> None:
    assert deflate.deflate_for(Compression.FAST).name.startswith("isal ")
    assert deflate.deflate_for(Compression.SMALL).name.startswith("zlib-ng ")


@pytest.mark.parametrize(
    ("missing", "fast", "small"),
    [
        (["isal"], "zlib 1", "zlib-ng "),
        (["zlib_ng"], "isal ", "zlib 6"),
        (LIBRARIES, "zlib 1", "zlib 6"),
    ],
)
def test_where_a_library_is_missing_the_standard_one_does_the_work(
    missing: list[str], fast: str, small: str, without: Callable[..., ModuleType]
) -> None:
    module = without(*missing)
    kinds = module.Compression
    assert module.deflate_for(kinds.FAST).name.startswith(fast)
    assert module.deflate_for(kinds.SMALL).name.startswith(small)


@pytest.mark.parametrize("make", TARGETS)
@pytest.mark.parametrize("missing", [(), ("isal",), ("zlib_ng",), LIBRARIES])
def test_a_workbook_holds_the_same_whatever_compresses_it(
    make: Callable[[], BytesIO], missing: tuple[str, ...], without: Callable[..., ModuleType]
) -> None:
    expected = parts(workbook())
    without(*missing)
    for compression in Compression:
        data = workbook(make, compression=compression)
        assert parts(data) == expected
        assert openpyxl.load_workbook(BytesIO(data))["Rows"].max_row == len(ROWS) + 1


@pytest.mark.parametrize("make", TARGETS)
def test_every_reader_takes_it_from_every_target(
    make: Callable[[], BytesIO], tmp_path: Path
) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(workbook(make))
    expected = [["A"] * 4, *([n, text, "", x] for n, text, _, x in ROWS)]
    assert calamine_rows(path, "Rows") == expected
    by_libreoffice = libreoffice.read(path, tmp_path / "saved", ["Rows"])["Rows"]
    assert len(by_libreoffice) == len(expected)
    assert by_libreoffice[-1][:2] == expected[-1][:2]


def test_small_is_smaller_than_fast() -> None:
    fast, small = (len(workbook(compression=each)) for each in Compression)
    assert small < fast


def test_every_part_of_a_workbook_is_deflated() -> None:
    with zipfile.ZipFile(BytesIO(workbook())) as package:
        assert {info.compress_type for info in package.infolist()} == {zipfile.ZIP_DEFLATED}
        assert sum(info.compress_size for info in package.infolist()) < 100_000

"""Formulas and links: only what is given as one becomes one."""

import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from lxml import etree
from openpyxl.cell import Cell

from app.workbooks.book import Workbook
from app.workbooks.explicit import Formula, Hyperlink
from app.workbooks.ordinary import put
from app.workbooks.sheet import DATE, MONEY, Column, Sheet
from tests.workbooks import libreoffice
from tests.workbooks.reading import write, write_column

URL = "https://x.example/a?b=1&c=<2>"


def cells(path: Path, **options: Any) -> list[Cell]:
    return list(openpyxl.load_workbook(path, **options)["Sheet"]["A"][1:])


@pytest.mark.parametrize(
    "text",
    [
        "SUM(1,2)",
        '"a"&"<b>"',
        'IF(1<2,"yes & no","")',
        '"é😀"',
        "1+1",
        " 1",
        '"]]>"',
        "'It''s'!A1",
        "SUM(" + ",".join(["1"] * 4000) + ")",
    ],
    ids=lambda text: text[:20],
)
@pytest.mark.parametrize("count", [1, 40])
def test_a_formula_arrives_as_that_formula(text: str, count: int, tmp_path: Path) -> None:
    for given in (text, f"={text}"):
        write_column(tmp_path / "a.xlsx", [Formula(given)] * count)
        read = cells(tmp_path / "a.xlsx")
        assert {cell.data_type for cell in read} == {"f"}
        assert [cell.value for cell in read] == [f"={text}"] * count
        assert {cell.value for cell in cells(tmp_path / "a.xlsx", data_only=True)} == {None}


def test_only_one_sign_is_left_out_before_a_formula() -> None:
    assert Formula("==A1").text == "=A1"
    assert Formula("=A1") == Formula("A1")


@pytest.mark.parametrize(
    "text", ["", "=", " ", "= ", "1" * 8193, "1\x00", "\x01", "1\ud800", "\uffff"], ids=ascii
)
def test_a_formula_that_excel_refuses_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="formula"):
        Formula(text)


def test_formulas_stand_among_other_values(tmp_path: Path) -> None:
    values = [1, Formula("A2*2"), "=A2*2", None, Formula("A3+A2")]
    write_column(tmp_path / "a.xlsx", values)
    read = cells(tmp_path / "a.xlsx")
    assert [cell.value for cell in read] == [1, "=A2*2", "=A2*2", None, "=A3+A2"]
    assert [cell.data_type for cell in read] == ["n", "f", "s", "n", "f"]


def test_libreoffice_computes_formulas_and_shows_links(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    values: list[object] = [
        20,
        Formula("A2*2"),
        "=A2*2",
        Formula('"a & <b>"&CHAR(33)'),
        Formula("SUM(A2:A3)"),
        Hyperlink(URL, 'say "hi" & <go> é😀'),
        Hyperlink(URL),
    ]
    write_column(path, values)
    rows = libreoffice.read(path, tmp_path / "saved", ["Sheet"])["Sheet"]
    assert [row[0] for row in rows[1:]] == [
        *[20, 40, "=A2*2", "a & <b>!", 60],
        *['say "hi" & <go> é😀', URL],
    ]


@pytest.mark.parametrize(
    ("link", "formula", "shown"),
    [
        (Hyperlink(URL, "here"), f'=HYPERLINK("{URL}","here")', "here"),
        (Hyperlink("HTTP://x.example"), '=HYPERLINK("HTTP://x.example","HTTP://x.example")', None),
        (Hyperlink("mailto:a@x.example", "a"), '=HYPERLINK("mailto:a@x.example","a")', "a"),
        (Hyperlink(URL, 'a "b"'), f'=HYPERLINK("{URL}","a ""b""")', 'a "b"'),
        (Hyperlink(URL, "=1+1"), f'=HYPERLINK("{URL}","=1+1")', "=1+1"),
        (Hyperlink(URL, "é😀"), f'=HYPERLINK("{URL}","é😀")', "é😀"),
        (Hyperlink(URL, "x" * 255), f'=HYPERLINK("{URL}","{"x" * 255}")', "x" * 255),
        (Hyperlink('https://x/"', "q"), '=HYPERLINK("https://x/""","q")', "q"),
    ],
    ids=range(8),
)
@pytest.mark.parametrize("count", [1, 40])
def test_a_link_is_a_formula_that_shows_its_text(
    link: Hyperlink, formula: str, shown: str | None, count: int, tmp_path: Path
) -> None:
    write_column(tmp_path / "a.xlsx", [link] * count)
    assert [cell.value for cell in cells(tmp_path / "a.xlsx")] == [formula] * count
    (value,) = {cell.value for cell in cells(tmp_path / "a.xlsx", data_only=True)}
    assert value == (shown or link.url)
    assert all(cell.font.u == "single" for cell in cells(tmp_path / "a.xlsx"))


@pytest.mark.parametrize(
    "link",
    [
        Hyperlink(URL + "x" * 256, "short"),
        Hyperlink(URL, "x" * 256),
        Hyperlink(URL, "😀" * 128),
        Hyperlink("https://x.example/" + "y" * 238),
    ],
    ids=range(4),
)
def test_a_link_too_long_for_a_formula_is_its_address_as_text(
    link: Hyperlink, tmp_path: Path
) -> None:
    write_column(tmp_path / "a.xlsx", [link])
    (cell,) = cells(tmp_path / "a.xlsx")
    assert (cell.value, cell.data_type) == (link.url, "s")


def test_the_longest_address_that_a_formula_takes_is_a_link(tmp_path: Path) -> None:
    url = "https://x.example/" + "y" * 237
    write_column(tmp_path / "a.xlsx", [Hyperlink(url, "x")])
    (cell,) = cells(tmp_path / "a.xlsx")
    assert (len(url), cell.data_type) == (255, "f")


@pytest.mark.parametrize(
    "url",
    [
        *["", "x.example", "//x.example", "/a", "#Sheet!A1", "https:x", "https", " https://x"],
        *["javascript:alert(1)", "file:///etc/passwd", "\\\\server\\share", "ftp://x", "data:,x"],
        *["https://x\x00", "https://x y", "https://x\n", "https://x\ud800", "vbscript:x"],
    ],
    ids=ascii,
)
def test_a_link_to_anywhere_else_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="link"):
        Hyperlink(url, "text")


def test_text_in_a_link_that_no_file_can_hold_is_mended(tmp_path: Path) -> None:
    write_column(tmp_path / "a.xlsx", [Hyperlink(URL, "a\x00\ud800\x1fb\r\nc"), "next"])
    with zipfile.ZipFile(tmp_path / "a.xlsx") as package:
        for name in package.namelist():
            etree.fromstring(package.read(name))
    link, following = cells(tmp_path / "a.xlsx", data_only=True)
    assert str(link.value).startswith("a")
    assert following.value == "next"


def test_links_and_formulas_follow_the_format_of_their_column(tmp_path: Path) -> None:
    columns = [Column("A", format=MONEY), Column("B", format=DATE), Column("C", wrap=True)]
    rows = [[Formula("1+1"), Formula("TODAY()"), Hyperlink(URL, "x")]]
    write(tmp_path / "a.xlsx", Sheet("Sheet", columns), rows)
    amount, day, link = openpyxl.load_workbook(tmp_path / "a.xlsx")["Sheet"][2]
    assert (amount.number_format, day.number_format) == (MONEY, DATE)
    assert link.alignment.wrap_text


def test_both_may_stand_in_an_ordinary_sheet(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with path.open("wb") as file, Workbook(file) as workbook:
        sheet = workbook.add_sheet("Sheet")
        values = ["Value", Formula("1+1"), Hyperlink(URL, "here"), Hyperlink(URL, "x" * 256)]
        for row, value in enumerate([*values, "=1", date(2024, 1, 1)], 1):
            put(sheet, row, 1, value)
    read = cells(path)
    assert [cell.value for cell in read[:4]] == [
        "=1+1",
        f'=HYPERLINK("{URL}","here")',
        URL,
        "=1",
    ]
    assert [cell.data_type for cell in read] == ["f", "f", "s", "s", "d"]

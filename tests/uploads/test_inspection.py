"""What is taken for extract_text, and what is refused with a reason; by the content alone."""

import io
import zipfile

import pytest

from app.uploads.inspection import media_type_of
from app.uploads.keeping import cleaned
from app.uploads.packages import Limits
from app.uploads.refusal import UploadRefused
from tests.uploads import files

LIMITS = Limits(unpacked_bytes=1 << 20, entries=100)
BIG = LIMITS.unpacked_bytes + 1
DEFINES = "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>"
DECLARED = "<?xml version='1.0'?>"


def reason(content: bytes, limits: Limits = LIMITS) -> str:
    with pytest.raises(UploadRefused) as caught:
        media_type_of(io.BytesIO(content), limits)
    assert caught.value.code == "upload_refused"
    assert caught.value.fields == {"file": [caught.value.message]}
    return caught.value.message


def kind(content: bytes) -> str:
    return media_type_of(io.BytesIO(content), LIMITS)


def test_extract_text_takes_workbooks_and_csv_by_what_is_in_them() -> None:
    plain = files.workbook()
    assert kind(plain) == files.XLSX
    parts = files.parts_of(plain)
    types = parts[files.CONTENT_TYPES].replace(files.MAIN.encode(), files.MACRO.encode())
    assert kind(files.package((parts | {files.CONTENT_TYPES: types}).items())) == files.XLSM
    assert kind(files.package(parts.items(), zipfile.ZIP_STORED)) == files.XLSX
    for text in ("a,b\n1,2\n", "ä;€", "\ufeffa\tb\r\n", "one line\f", "PKW;LKW"):
        assert kind(text.encode()) == "text/csv"
    assert kind("Käse;€".encode("cp1252")) == "text/csv"


def test_extract_text_refuses_a_zip_bomb_by_the_sizes_it_declares() -> None:
    assert "unpacks to more than the 1,048,576 bytes" in reason(files.bomb(BIG))
    spread = [(f"xl/media/{n}.bin", bytes(BIG // 4)) for n in range(5)]
    parts = [*files.parts_of(files.workbook()).items(), *spread]
    assert "unpacks to more" in reason(files.package(parts))
    assert kind(files.bomb(BIG // 2)) == files.XLSX


def test_extract_text_refuses_a_zip_bomb_that_lies_about_its_size() -> None:
    unpacks = 50 << 20
    assert "unpacks to more" in reason(files.lying(files.bomb(unpacks), 100))
    assert "unpacks to more" in reason(files.lying_to_its_checksum(unpacks, 100))
    # Within the limit, but not what it says: others would rely on it.
    assert "damaged" in reason(files.lying_to_its_checksum(BIG // 2, 100))
    assert "damaged" in reason(files.lying(files.bomb(BIG // 4), BIG // 2))


def test_extract_text_unpacks_no_archive_inside_an_archive() -> None:
    inner = files.package([("zeros", bytes(50 << 20))])
    assert "no workbook" in reason(files.package([(f"{n}.zip", inner) for n in range(10)]))
    assert kind(files.with_part("xl/embeddings/inner.zip", inner)) == files.XLSX


def test_extract_text_refuses_too_many_entries() -> None:
    many = [(f"xl/{n}.bin", b"") for n in range(101)]
    assert "more than 100 parts" in reason(files.package(many))


def test_extract_text_refuses_a_password_protected_workbook() -> None:
    assert "password" in reason(files.ole("Root Entry", "EncryptionInfo", "EncryptedPackage"))
    data = bytearray(files.workbook())
    at = data.rfind(b"PK\x01\x02")
    data[at + 8] |= 1
    assert "password" in reason(bytes(data))


def test_extract_text_refuses_old_workbooks_and_says_what_to_do() -> None:
    assert "old .xls workbook. Save it as .xlsx" in reason(files.ole("Root Entry", "Workbook"))
    assert "old .xls workbook" in reason(files.ole("Root Entry", "Book"))
    assert "no workbook" in reason(files.ole("Root Entry", "WordDocument"))


def test_extract_text_refuses_a_truncated_workbook_wherever_it_ends() -> None:
    whole = files.workbook()
    for length in {*range(4, len(whole) - 30, len(whole) // 40), len(whole) - 1}:
        assert "damaged" in reason(whole[:length]), length
    middle = bytearray(whole)
    middle[60:90] = bytes(30)
    assert "damaged" in reason(bytes(middle))


def test_extract_text_refuses_an_archive_that_is_no_workbook() -> None:
    for parts in ({}, {"a.txt": b"a"}, {files.CONTENT_TYPES: b"<Types/>"}):
        assert "no workbook" in reason(files.package(parts.items()))
    binary = b'"application/vnd.ms-excel.sheet.binary.macroEnabled.main"'
    assert "xlsb" in reason(files.package([(files.CONTENT_TYPES, b"<Types a=" + binary + b"/>")]))


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../a.xml", "xl/../../a.xml", "..\\a.xml", "\\a.xml", "C:/a.xml", "xl/.."],
)
def test_extract_text_refuses_entries_outside_of_the_archive(name: str) -> None:
    assert "outside of itself" in reason(files.with_part(name, b""))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_extract_text_refuses_two_entries_of_one_name() -> None:
    for name in ("xl/workbook.xml", "XL/Workbook.xml", "xl\\workbook.xml"):
        assert "two parts of one name" in reason(files.with_part(name, b""))


def test_extract_text_refuses_xml_that_defines_entities() -> None:
    for content in (
        files.laughs(),
        b"<!DOCTYPE a><a/>",
        b"\xef\xbb\xbf<?xml version='1.0'?><!-- -->" + b" " * 3_000 + b"<!DOCTYPE a []><a/>",
        b"\n" * 500_000 + DEFINES.encode(),
    ):
        assert "defines XML entities" in reason(files.changed(sheet=content))
        assert "defines XML entities" in reason(files.with_part("xl/hidden.bin", content))


@pytest.mark.parametrize(
    "content",
    [
        (DECLARED + DEFINES).encode("utf-16"),
        (DECLARED + DEFINES).encode("utf-16-le"),
        (" \n" + DEFINES).encode("utf-16-le"),
        (" \n" + DEFINES).encode("utf-16-be"),
        (" " * (BIG // 4) + DEFINES).encode("utf-16-be"),
        DEFINES.encode("utf-32-be"),
        b"<?xml version='1.0' encoding='UTF-7'?><a/>",
        b"<?xml version='1.0'" + b" " * 3_000 + b"encoding='cp037'?><a/>",
    ],
    ids=["marked", "unmarked", "space", "big", "much space", "wider", "declared", "declared late"],
)
def test_extract_text_refuses_xml_in_encodings_that_hide_entities(content: bytes) -> None:
    assert "another encoding" in reason(files.changed(sheet=content))


@pytest.mark.parametrize(
    "before",
    [b" " * (1 << 20), b"<!--" + b"a" * (1 << 20) + b"-->", "\n".encode("utf-16-le") * (1 << 19)],
    ids=["space", "comment", "wide space"],
)
def test_extract_text_refuses_xml_that_keeps_what_it_defines_for_later(before: bytes) -> None:
    limits = Limits(unpacked_bytes=4 << 20, entries=100)
    assert "too much before" in reason(files.changed(sheet=before + DEFINES.encode()), limits)


def test_extract_text_refuses_xml_that_no_parser_takes() -> None:
    for content in (b" <?xml version='1.0'?>" + DEFINES.encode(), b"<worksheet", b"<!DOCTYPE"):
        assert "XML that is damaged" in reason(files.changed(sheet=content))


def test_extract_text_takes_parts_that_are_no_xml_or_define_nothing() -> None:
    plain = (b"", b"no XML <!DOCTYPE a>", bytes(1000), b"\xff\xd8\xff\xe0\0\x10JFIF", files.OLE)
    element = b"<?xml version='1.0' encoding='UTF-8' standalone='yes'?>\r\n<a>&lt;!DOCTYPE</a>"
    for content in (*plain, element):
        assert kind(files.with_part("xl/other.bin", content)) == files.XLSX
    long = Limits(unpacked_bytes=4 << 20, entries=100)
    text = files.with_part("xl/other.txt", b"text" * (1 << 19))
    assert media_type_of(io.BytesIO(text), long) == files.XLSX


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,\x00\n",
        b"\x89PNG\r\n\x1a\n\0\0",
        b"%PDF-1.7\n\x01\x02",
        b"\x1b[31mred",
        b"MZ\x90\0",
    ],
)
def test_extract_text_refuses_binary_content_as_csv(content: bytes) -> None:
    assert "neither a workbook nor" in reason(content)
    assert "neither a workbook nor" in reason(b"a,b\n" * 600_000 + content)


def test_extract_text_refuses_text_in_no_known_encoding() -> None:
    assert "neither a workbook nor text" in reason(b"a;\x81\x8d\n")
    assert "neither a workbook nor" in reason("a;b".encode("utf-16"))


@pytest.mark.parametrize("content", [b"", b"\n \r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\t\n"])
def test_extract_text_refuses_an_empty_file(content: bytes) -> None:
    assert reason(content) == "The file is empty."


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Umsätze 2026.xlsx", "Umsätze 2026.xlsx"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.csv", "a.csv"),
        ("a\0b\r\n\u202egpj.csv", "abgpj.csv"),
        ('"<b>".csv', "b.csv"),
        ("..", "upload"),
        ("", "upload"),
        ("/", "upload"),
        ("\ud800.csv", "csv"),
    ],
)
def test_a_name_can_be_shown_and_names_no_path(sent: str, shown: str) -> None:
    assert cleaned(sent) == shown


def test_a_long_name_is_cut_between_two_letters() -> None:
    assert cleaned("ä" * 1000) == "ä" * 75

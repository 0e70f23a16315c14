"""`extract_text` of files that are broken, or built to do harm, and got past the upload."""

import errno
import io
import tempfile
import tracemalloc
from pathlib import Path

import pytest

from app.errors import AppError
from app.job_types.extract_text import ExtractText
from app.workbooks.reading import tables
from app.workbooks.reading.tables import Unreadable, open_tables
from tests.job_types.extracting import Extracted, reason, uploaded
from tests.job_types.recording import RecordingContext
from tests.uploads import files

SPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def sheet_xml(rows: str, before: str = "") -> bytes:
    return f"<worksheet {SPACE}>{before}<sheetData>{rows}</sheetData></worksheet>".encode()


@pytest.mark.parametrize(
    "broken",
    [
        {"book": b"<workbook"},
        {"book": b"no xml at all"},
        {"book": f"<workbook {SPACE}><sheets/></workbook>".encode()[:-12]},
        {"sheet": sheet_xml('<row r="1"><c r="A1" t="s"><v>99</v></c></row>')},
        {"sheet": sheet_xml('<row r="1"><c r="A1"><v>12x</v></c></row>')},
        {"sheet": sheet_xml('<row r="1"><c r="??"><v>1</v></c></row>')},
        {"sheet": sheet_xml("<row r='1'>" * 100)},
        {"styles": b"<styleSheet/>", "sheet": b""},
    ],
    ids=lambda it: str(it)[:40],
)
def test_extract_text_of_a_broken_workbook_fails_with_a_reason(
    broken: dict[str, bytes], tmp_path: Path
) -> None:
    assert "cannot be read" in reason(tmp_path, files.changed(**broken))


def test_extract_text_of_a_billion_laughs_fails_with_a_reason(tmp_path: Path) -> None:
    """The upload refuses them; a job that got one all the same would survive it."""
    tracemalloc.start()
    assert "cannot be read" in reason(tmp_path, files.changed(sheet=files.laughs()))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100_000_000


def test_extract_text_of_a_row_beyond_all_rows_fails_with_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tables, "MAX_ROWS", 5000)
    far = sheet_xml('<row r="99999999999"><c><v>1</v></c></row>')
    assert "more than 5,000 rows" in reason(tmp_path, files.changed(sheet=far))


def test_extract_text_believes_no_claim_of_a_huge_sheet(tmp_path: Path) -> None:
    corners = '<row r="1"><c r="A1"><v>1</v></c></row><row r="9"><c r="C9"><v>2e999</v></c></row>'
    claimed = sheet_xml(corners, '<dimension ref="A1:XFD1048576"/>')
    run = Extracted(tmp_path, files.changed(sheet=claimed), "a.xlsx")
    (sheet,) = run.result["sheets"]
    assert (sheet["rows"], sheet["columns"]) == (9, 3)
    assert run.sheets["Sheet"]["rows"][8] == [None, None, "inf"]
    assert run.result["cells"]["error"] == 1


def test_extract_text_of_csv_whose_quotation_never_ends_fails_with_a_reason(
    tmp_path: Path,
) -> None:
    assert "quotation mark" in reason(tmp_path, b'a,"b\n' + b"c,d\n" * 1_200_000)
    assert "longer than" in reason(tmp_path, b"x" * (5 << 20))


def test_extract_text_of_what_is_no_text_fails_with_a_reason(tmp_path: Path) -> None:
    assert "neither" in reason(tmp_path, b"\0\1\2")
    assert "damaged" in reason(tmp_path, files.workbook()[:-100])


def test_extract_text_of_a_file_that_the_disk_does_not_give_may_be_tried_again(
    tmp_path: Path,
) -> None:
    context = RecordingContext(tmp_path / "store")
    unreadable = Path("/proc/self/mem")  # nothing is at its beginning: EIO
    with pytest.raises(AppError) as caught:
        ExtractText().run(context, uploaded(context, unreadable))
    assert (caught.value.code, caught.value.retryable) == ("storage_unavailable", True)
    assert "Input/output error" in caught.value.message
    assert context.files() == []


def test_extract_text_does_not_call_its_upload_gone_when_it_lacks_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, path = RecordingContext(tmp_path / "store"), tmp_path / "upload"
    path.write_bytes(b"a,b\n")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(AppError) as caught:
        ExtractText().run(context, uploaded(context, path))
    assert (caught.value.code, caught.value.retryable) == ("storage_unavailable", True)
    assert context.files() == []


class Disk(io.BytesIO):
    """A file on a disk that fails when a test says so."""

    fails_with: int | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        if self.fails_with is not None:
            raise OSError(self.fails_with, "the disk failed")
        return super().read(size)

    read1 = read


def read_until_it_fails(disk: Disk, number: int) -> None:
    with open_tables(disk, "a") as opened:
        for _, rows in opened:
            next(rows)
            disk.fails_with = number
            list(rows)


@pytest.mark.parametrize("kind", ["workbook", "csv"])
def test_extract_text_tells_a_disk_that_fails_amid_a_file_from_a_file_that_is_broken(
    kind: str,
) -> None:
    rows = [[f"text {n}", n] for n in range(5_000)]
    csv = "".join(f"{text},{n}\n" for text, n in rows).encode()
    content = files.workbook({"A": rows}) if kind == "workbook" else csv
    with pytest.raises(OSError, match="the disk failed"):
        read_until_it_fails(Disk(content), errno.EIO)
    with pytest.raises(Unreadable):
        read_until_it_fails(Disk(content), errno.EINVAL)

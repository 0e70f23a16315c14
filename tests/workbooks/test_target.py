"""Files that are whole or not there, whatever happens while they are written."""

import errno
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.workbooks.book import Workbook
from app.workbooks.sheet import Column, Sheet
from app.workbooks.target import whole_file
from tests.workbooks.reading import calamine_rows

ROOT = Path(__file__).resolve().parents[2]
OLD = b"the older file"

# Writes a large workbook; tells when it is in the middle, and then waits if it is asked to.
CHILD = """
import resource, sys, zlib
from app.workbooks.book import Workbook
from app.workbooks.sheet import Column, Sheet
from app.workbooks.target import whole_file
from tests.workbooks.reading import calamine_rows

path, limit = sys.argv[1], int(sys.argv[2])
if limit:
    import signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

def rows():
    for number in range(60_000):
        yield number, zlib.crc32(b"%d" % number), zlib.adler32(b"%d" % number) * number
        if number == 50_000 and not limit:
            print("in the middle", flush=True)
            sys.stdin.read()

with whole_file(path) as file, Workbook(file) as workbook:
    workbook.write(Sheet("Rows", [Column("A")] * 3), rows())
"""


def child(path: Path, limit: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, path, str(limit)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def fail_after(path: Path, error: BaseException) -> None:
    with whole_file(path) as file:
        file.write(b"a part of it")
        raise error


def test_a_file_appears_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with whole_file(path) as file:
        file.write(b"all of it")
        file.flush()
        assert not path.exists()
        (part,) = tmp_path.iterdir()
        assert part.name.endswith(".part")
    assert path.read_bytes() == b"all of it"
    assert list(tmp_path.iterdir()) == [path]


def test_an_older_file_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(OLD)
    with path.open("rb") as reader:
        with whole_file(path) as file:
            file.write(b"new")
            assert path.read_bytes() == OLD
        assert path.read_bytes() == b"new"
        # Whoever has it open reads the older one to its end.
        assert reader.read() == OLD
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "error", [LookupError("x"), KeyboardInterrupt(), SystemExit(), GeneratorExit()], ids=repr
)
@pytest.mark.parametrize("old", [None, OLD])
def test_an_exception_leaves_everything_as_it_was(
    old: bytes | None, error: BaseException, tmp_path: Path
) -> None:
    path = tmp_path / "a.xlsx"
    if old is not None:
        path.write_bytes(old)
    with pytest.raises(type(error)):
        fail_after(path, error)
    assert [each.read_bytes() for each in tmp_path.iterdir()] == ([] if old is None else [old])


def test_a_workbook_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    def rows() -> Iterator[tuple[int]]:
        yield from ((number,) for number in range(3000))
        raise LookupError("the database went away")

    with (
        pytest.raises(LookupError, match="went away"),
        whole_file(tmp_path / "a.xlsx") as file,
        Workbook(file) as workbook,
    ):
        workbook.write(Sheet("Rows", [Column("A")]), rows())
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.xlsx"
    synced: list[tuple[int, bool]] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_size, path.exists()))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with whole_file(path) as file:
        file.write(b"x" * 100_000)
    assert synced[0] == (100_000, False)


def test_a_disk_that_fails_at_the_very_end_leaves_the_older_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(OLD)

    def fsync(_: int) -> None:
        raise OSError(errno.EIO, "the disk is broken")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="broken"), whole_file(path) as file:
        file.write(b"new")
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o007, 0o660)])
def test_permissions_follow_the_umask(mask: int, mode: int, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with umask(mask), whole_file(path) as file:
        file.write(b"x")
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_two_may_write_the_same_file_and_one_of_them_is_last(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with whole_file(path) as one:
        with whole_file(path) as other:
            one.write(b"one")
            other.write(b"other")
        assert path.read_bytes() == b"other"
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


def test_the_longest_name_that_a_file_may_have(tmp_path: Path) -> None:
    path = tmp_path / ("ü" * 125 + ".xlsx")
    with whole_file(path) as file:
        file.write(b"x")
    assert path.read_bytes() == b"x"


def test_the_path_may_be_a_string(tmp_path: Path) -> None:
    with whole_file(str(tmp_path / "a.xlsx")) as file:
        file.write(b"x")
    assert (tmp_path / "a.xlsx").read_bytes() == b"x"


def test_a_folder_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "none" / "a.xlsx"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match="a"), whole_file(tmp_path / "a") as file:
        file.write(b"x")
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


@pytest.mark.parametrize("limit", [1, 50_000, 200_000])
def test_a_full_disk_leaves_nothing_but_the_older_file(limit: int, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(OLD)
    process = child(path, limit)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert "OSError: [Errno 27] File too large" in errors
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == OLD


@pytest.mark.parametrize("old", [None, OLD])
def test_a_process_killed_in_the_middle_leaves_no_half_of_a_file(
    old: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "a.xlsx"
    if old is not None:
        path.write_bytes(old)
    process = child(path)
    assert process.stdout is not None
    assert process.stdout.readline() == "in the middle\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert (path.read_bytes() if path.exists() else None) == old
    rest = [each for each in tmp_path.iterdir() if each != path]
    assert [each.suffix for each in rest] == [".part"]


def test_the_process_that_nobody_kills_writes_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    process = child(path)
    _, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    assert len(calamine_rows(path, "Rows")) == 60_001
    assert list(tmp_path.iterdir()) == [path]

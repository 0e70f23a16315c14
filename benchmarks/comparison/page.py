"""Text between two marks of a Markdown page: the rest of the page is somebody's own."""

from pathlib import Path

from benchmarks.comparison.model import Unusable


def require_marks(path: Path, name: str) -> None:
    """Check that `replace` will succeed, which is better known before than after an hour.

    Raises:
        Unusable: there is no such page, or not both marks in it, in order, once.
    """
    _split(path, name)


def replace(path: Path, name: str, text: str) -> None:
    """Put `text` between the marks of `name`, in the place of what is there.

    Raises:
        Unusable: as `require_marks`.
    """
    before, after = _split(path, name)
    path.write_text(f"{before}\n\n{text.strip()}\n\n{after}", encoding="utf-8")


def _split(path: Path, name: str) -> tuple[str, str]:
    """What is before, with the first mark, and what is after, with the last one."""
    begin, end = f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"
    try:
        page = path.read_text(encoding="utf-8")
    except OSError as error:
        raise Unusable(
            f"{path} cannot be read: {error.strerror}. It needs {begin} {end}"
        ) from error
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(begin) > page.index(end):
        raise Unusable(f"{path} needs the line {begin}, and after it {end}, each once.")
    return page[: page.index(begin) + len(begin)], page[page.index(end) :]

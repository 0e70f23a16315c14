"""Reading the project's Markdown pages."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def text_of(name: str) -> str:
    """A page, by its path from the top folder."""
    return (ROOT / name).read_text()


def blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of a language on a page, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text_of(name), re.MULTILINE | re.DOTALL)


def docker_blocks() -> list[str]:
    """The README's shell blocks that need Docker, in order."""
    return [each for each in blocks("README.md", "sh") if "docker" in each]


def section(name: str, heading: str) -> str:
    """What stands under a heading, up to the next one of any level."""
    _, found, rest = text_of(name).partition(f"# {heading}\n")
    assert found, f"{name} has no heading {heading!r}"
    return re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def named_in_first_column(markdown: str) -> list[str]:
    """The `code` names in the first column of the tables."""
    rows = re.findall(r"^\| (.*?) \|", markdown, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def links(page: Path) -> Iterator[str]:
    """The links of a page that point into the project, without their anchors."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" not in target and not target.startswith("#"):
            yield target.partition("#")[0]

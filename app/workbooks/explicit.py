"""Values that are more than data, so they have types of their own: text never becomes one of these."""

import re
from dataclasses import dataclass

from app.workbooks.lengths import utf16_length

MAX_FORMULA = 8192
"""Characters of a formula."""
MAX_LITERAL = 255
"""UTF-16 units of a text inside a formula; Excel follows no link that is longer, either."""

SCHEMES = ("http://", "https://", "mailto:")

_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Formula:
    """A formula that the spreadsheet program computes when the workbook is opened.

    Programs that only read what is stored find an empty cell.

    Attributes:
        text: in English and with commas, as files hold it; `SUM(A2:A9)`, with or without `=`.

    Raises:
        ValueError: it is empty, too long, or has characters that no formula has.
    """

    text: str

    def __post_init__(self) -> None:
        if self.text.lstrip().startswith("="):
            object.__setattr__(self, "text", self.text.lstrip().removeprefix("="))
        if not self.text.strip() or utf16_length(self.text) > MAX_FORMULA:
            raise ValueError(f"A formula has 1 to {MAX_FORMULA:,} characters.")
        if _REFUSED.search(self.text):
            raise ValueError(f"A formula has no control characters: {self.text!r}")


@dataclass(frozen=True)
class Hyperlink:
    """A text that opens an address on the web, or a mail to somebody.

    It is written as the function HYPERLINK, so a sheet may have any number of them. Where address or
    text are too long for that, more than 255 UTF-16 units, the cell holds the address as plain text.

    Attributes:
        url: begins with one of `SCHEMES`.
        text: what the cell shows; the address unless told otherwise.

    Raises:
        ValueError: another scheme, or control characters in the address.
    """

    url: str
    text: str = ""

    def __post_init__(self) -> None:
        if not self.url.lower().startswith(SCHEMES):
            raise ValueError(f"A link begins with {', '.join(SCHEMES)}, not: {self.url[:40]!r}")
        if _REFUSED.search(self.url) or any(each.isspace() for each in self.url):
            raise ValueError(f"A link has neither blanks nor control characters: {self.url[:40]!r}")

    @property
    def shown(self) -> str:
        """The text that the cell shows."""
        return self.text or self.url

    @property
    def fits(self) -> bool:
        """Whether it can be a formula."""
        return max(utf16_length(self.url), utf16_length(self.shown)) <= MAX_LITERAL

    @property
    def formula(self) -> str:
        """The function that makes the link."""
        url, shown = (each.replace('"', '""') for each in (self.url, self.shown))
        return f'HYPERLINK("{url}","{shown}")'

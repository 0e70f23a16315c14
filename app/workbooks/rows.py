"""Rows into the XML of a worksheet: the hot path."""

from collections.abc import Iterator, Sequence

from openpyxl.utils import get_column_letter

from app.workbooks.values import Kind, encode

Styles = Sequence[int]
"""Style number for each `Kind`, in its order."""

PIECE_LENGTH = 1_000_000
"""Characters of XML after which a piece is handed over."""

_MARKUP = {
    Kind.TEXT: (' t="inlineStr"><is>', "</is></c>"),
    Kind.BOOLEAN: (' t="b"><v>', "</v></c>"),
}
_NUMERIC = ("><v>", "</v></c>")


class RowRenderer:
    """Renders rows of one sheet.

    Args:
        styles: for each column its style numbers.
    """

    def __init__(self, styles: Sequence[Styles]) -> None:
        self._columns = [
            (f'<c r="{get_column_letter(number)}', _wrappings(each))
            for number, each in enumerate(styles, 1)
        ]

    def render(self, first: int, rows: Sequence[Sequence[object]]) -> Iterator[bytes]:
        """The `<row>` elements of consecutive rows, the first of which has the number `first`.

        They come in pieces: with the longest texts, five hundred rows take hundreds of megabytes.
        """
        pieces, size = [], 0
        for number, row in enumerate(rows, first):
            piece = self._row(number, row)
            pieces.append(piece)
            size += len(piece)
            if size > PIECE_LENGTH:
                yield "".join(pieces).encode()
                pieces, size = [], 0
        yield "".join(pieces).encode()

    def _row(self, number: int, row: Sequence[object]) -> str:
        parts = [f'<row r="{number}">']
        for (opening, wrappings), value in zip(self._columns, row, strict=True):
            stored = encode(value)
            if stored is not None:
                kind, content = stored
                if kind is Kind.TEXT:
                    content = _text_element(content)
                before, after = wrappings[kind]
                parts.append(f"{opening}{number}{before}{content}{after}")
        parts.append("</row>")
        return "".join(parts)


def _wrappings(styles: Styles) -> list[tuple[str, str]]:
    """What stands before and after the content of a cell, for each kind."""
    wrappings = []
    for kind in Kind:
        before, after = _MARKUP.get(kind, _NUMERIC)
        wrappings.append((f'" s="{styles[kind]}"{before}', after))
    return wrappings


def _text_element(text: str) -> str:
    # A carriage return that is not escaped would arrive as a line feed.
    markup = (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    )
    if text[0].isspace() or text[-1].isspace() or "\n" in text:
        return f'<t xml:space="preserve">{markup}</t>'
    return f"<t>{markup}</t>"

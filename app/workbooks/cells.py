"""Cells as the XML of a worksheet: what stands around the content of each kind.

Markup of streamed sheets is text of one byte a character: characters beyond ASCII are spelt as the bytes
of their UTF-8. So joining is copying, and what comes out is encoded by copying once more.
"""

from collections.abc import Sequence

from app.workbooks.values import Kind, Stored

Styles = Sequence[int]
"""Style number for each `Kind`, in its order."""

Wrapping = tuple[str, str]
"""What stands before the content of a cell, from behind its reference on, and after it."""

_NUMERIC = ("><v>", "</v></c>")
_TEXT = (' t="inlineStr"><is><t>', "</t></is></c>")
_SPACED = (' t="inlineStr"><is><t xml:space="preserve">', "</t></is></c>")
_BOOLEAN = (' t="b"><v>', "</v></c>")
_FORMULA = (">", "</c>")
_FORMULA_OF_TEXT = (' t="str">', "</c>")


class Wrappings:
    """What stands around the contents of one column's cells.

    Args:
        styles: of the column.
    """

    def __init__(self, styles: Styles) -> None:
        self._of_kind = [_styled(_NUMERIC, styles[kind]) for kind in Kind]
        self._of_kind[Kind.TEXT] = _styled(_TEXT, styles[Kind.TEXT])
        self._of_kind[Kind.BOOLEAN] = _styled(_BOOLEAN, styles[Kind.BOOLEAN])
        self._spaced = _styled(_SPACED, styles[Kind.TEXT])
        self._of_formulas = [_styled(_FORMULA, styles[kind]) for kind in Kind]
        self._of_formulas[Kind.LINK] = _styled(_FORMULA_OF_TEXT, styles[Kind.LINK])

    def of(self, kind: Kind, *, spaced: bool = False) -> Wrapping:
        """For values of one kind.

        Args:
            spaced: whether white space counts in a text.
        """
        return self._spaced if spaced else self._of_kind[kind]

    def complete(self, stored: Stored) -> str:
        """A cell from behind its reference on, whatever is in it."""
        kind, content, formula = stored
        if formula:
            return self.formula(kind, formula, escape(content))
        if kind is not Kind.TEXT:
            before, after = self.of(kind)
            return f"{before}{content}{after}"
        before, after = self.of(kind, spaced=has_space_that_counts(content))
        return as_bytes(f"{before}{escape(content)}{after}")

    def formula(self, kind: Kind, formula: str, value: str) -> str:
        """A cell with a formula, from behind its reference on.

        Args:
            kind: of its value.
            value: the one to show until the formula is computed, as markup; none if it is empty.
        """
        before, after = self._of_formulas[kind]
        shown = f"<v>{value}</v>" if value else ""
        return as_bytes(f"{before}<f>{escape(formula)}</f>{shown}{after}")


def has_space_that_counts(text: str) -> bool:
    """Whether a reader of XML would be free to drop some of a text's white space."""
    ends_in_space = text[:1].isspace() or text[-1:].isspace()
    return ends_in_space or "\n" in text or "\t" in text or "\r" in text


def escape(text: str) -> str:
    """Text as markup. A carriage return that is not escaped would arrive as a line feed."""
    return (
        text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#13;")
    )


def as_bytes(text: str) -> str:
    """Text as one character for each byte of its UTF-8."""
    return text if text.isascii() else text.encode().decode("latin-1")


def _styled(wrapping: Wrapping, style: int) -> Wrapping:
    before, after = wrapping
    # Style 0 is what a cell has that names none.
    return f'" s="{style}"{before}' if style else f'"{before}', after

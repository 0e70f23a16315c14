"""Lengths of text as Excel counts them: in UTF-16 units, of which an emoji, for example, has two."""

MAX_TEXT = 32_767
"""Of one cell."""

SURELY_FITS = MAX_TEXT // 2
"""As many characters fit into a cell, whichever they are."""


def utf16_length(text: str) -> int:
    """The length of a text in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, limit: int = MAX_TEXT) -> str:
    """The text's beginning, at most `limit` UTF-16 units and never half of a character.

    Args:
        text: without lone surrogates.
        limit: in UTF-16 units.
    """
    if len(text) <= limit // 2:
        return text
    return text[:limit].encode("utf-16-le")[: 2 * limit].decode("utf-16-le", "ignore")

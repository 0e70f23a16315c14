"""Texts: they arrive as they are, never as a formula, and what no file can hold is mended."""

from tests.workbooks.edges.edge import Edge, unchanged

MOST = 32_767
GONE = "\ufffd"
ROCKET = "\U0001f680"


class Shouted(str):
    """A text whose `str()` is another one."""

    __slots__ = ()

    def __str__(self) -> str:
        return "not this one"


FORMULAS = [
    "=1+1",
    "=",
    '=HYPERLINK("http://x.example","y")',
    "+cmd|' /C calc'!A0",
    "+1",
    "-2+3",
    "@SUM(1)",
    "\t=1+1",
    "=\x011",
    "{=SUM(A1)}",
]

LOOKS_LIKE_SOMETHING_ELSE = [
    "#N/A",
    "#REF!",
    "TRUE",
    "1",
    "007",
    "1e5",
    "NaN",
    "None",
    "null",
    "2024-01-01",
    "12:30",
    "0",
    "-0",
]

MARKUP = [
    "a & b < c > d ]]> \"q\" 'x' <!-- -->",
    "]]>",
    "&amp;",
    "&#13;",
    "<![CDATA[x]]>",
    "</t></is></c></row>",
    "<?xml?>",
    "&",
    "<",
    ">",
    "{}%s{0}\\n",
]

BLANKS = [
    " ",
    "   ",
    " leading",
    "trailing ",
    " both ",
    "two  blanks",
    "\n",
    "line\nbreak",
    "\nline first",
    "line last\n",
    "carriage\rreturn",
    "both\r\nof them\r\n",
    "\r",
    "\r\n",
    "\n\r",
    "tab\there",
    "\t",
    "\u00a0no break\u00a0",
    "\u3000wide\u3000",
    "zero\u200bwidth\u200d",
    "\ufeffmark",
    "a\ufeff",
]

# Whatever is written by joining texts and cutting them again has to cope with its own separator.
SEPARATORS = [
    "sep\x1fsep",
    "\x1f",
    "\x1f\x1f\x1f",
    "a\x1e",
    "\x1d\x1c",
    "\x85next\x85",
    "para\u2029graph",
    "line\u2028",
    "vertical\x0btab\x0cfeed",
    "unit \u241f picture",
    "private \ue000 \uf8ff",
    "\U000f0000\U0010fffd",
    "comma, semicolon; pipe|",
    "\x7f\x80\x9f",
    "\xad soft \xff",
]

SCRIPTS = [
    "é e\u0301 ñ 日本語 한국어",
    "é" * 10,
    "مرحبا بالعالم \u202eabc\u202c שלום",
    f"{ROCKET} 👩‍🚀 🇺🇳",
    "ß ẞ ı İ",
    "\u0301alone",
    "\ufdd0\U0001fffe",
]

ESCAPES = [
    "_x0041_",
    "_x005F_",
    "_x005F_ and _x000D_",
    "_x000d_",
    "_xyz_",
    "_x",
    "_x0041",
    "x0041_",
    "__x0041__",
    "_x0041_x0042_\x1f_x0043_",
    "_x0041\x01",
    "_\x01x0041_",
    "_x004\x01_",
    "_X0041_",
    "_x00g1_",
    # LibreOffice takes fewer than four digits for an escape, too.
    "_x12_ab",
    "_x1_________",
    "_x004_abcd",
    "_x41_x0001_",
    "_x00001_ab",
]

CONTROLS = [
    "nul\x00bell\x07esc\x1b",
    "\x00",
    "\x00\x00",
    "".join(map(chr, range(32))),
    "\x01=1",
    "end\x00",
]

PLAIN = ["plain", "x", "0" * 300, "ABC-123"]

CORRECTED = [
    ("half of a pair in it", "half \ud83d pair \ude00", f"half {GONE} pair {GONE}"),
    ("half of a pair alone", "\ud800", GONE),
    ("the wrong way round", "\ude00\ud83d", GONE * 2),
    ("half of a pair at the end", "x\ud83d", f"x{GONE}"),
    ("no characters", "no \ufffe characters \uffff", f"no {GONE} characters {GONE}"),
    ("half of a pair in an escape", "_x0041\ud800", f"_x0041{GONE}"),
]

LONG = [
    ("one below the limit", "x" * (MOST - 1), MOST - 1),
    ("at the limit", "x" * MOST, MOST),
    ("one past the limit", "x" * (MOST + 1), MOST),
    ("far past the limit", "x" * 40_000, MOST),
    ("emoji below the limit", ROCKET * 16_383, 16_383),
    ("emoji at the limit", "x" + ROCKET * 16_383, 16_384),
    ("emoji cut in two", ROCKET * 16_384, 16_383),
    ("emoji cut after a letter", "x" + ROCKET * 16_384, 16_384),
    ("emoji far past the limit", ROCKET * 20_000, 16_383),
    ("an emoji last at the limit", "x" * (MOST - 2) + ROCKET, MOST - 1),
    ("an emoji last over the limit", "x" * (MOST - 1) + ROCKET, MOST - 1),
    ("markup", "&<>" * 11_000, MOST),
    ("letters of two bytes", "é" * 33_000, MOST),
    ("line breaks", "\r\n" * 17_000, MOST),
    ("controls", "nine char\x00" * 4000, MOST),
    ("escapes", "_x0000_" * 10_000, MOST),
    ("blanks", " " * 33_000, MOST),
]

EDGES = [
    Edge("empty text", "", None),
    Edge("subclass", Shouted("subclass"), "subclass"),
    Edge("empty subclass", Shouted(""), None),
    *(
        unchanged(f"text {ascii(text)[1:25]} of {len(text)}", text)
        for texts in (
            PLAIN,
            FORMULAS,
            LOOKS_LIKE_SOMETHING_ELSE,
            MARKUP,
            BLANKS,
            SEPARATORS,
            SCRIPTS,
            ESCAPES,
            CONTROLS,
        )
        for text in texts
    ),
    *(Edge(name, text, arrives) for name, text, arrives in CORRECTED),
    Edge("halves past the limit", "\ud800" * 40_000, GONE * MOST),
    *(Edge(f"long text, {name}", text, text[:kept]) for name, text, kept in LONG),
]

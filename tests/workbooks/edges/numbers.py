"""Numbers: exact where Excel keeps all digits, text where it would not."""

from decimal import Decimal
from enum import Enum, IntEnum, IntFlag, StrEnum
from fractions import Fraction

from tests.workbooks.edges.edge import Edge, unchanged

EXACT = 10**15


class Colour(IntEnum):
    RED = 7


class Right(IntFlag):
    READ = 1
    WRITE = 2


class Word(StrEnum):
    FORMULA = "=1+1"


class Anything(Enum):
    PRICE = Decimal("1.50")
    NOTHING = None
    WORD = "word"
    BIG = EXACT
    PAIR = (1, "a")
    TRUTH = True


class Loud(int):
    """A number that shows itself as something else."""

    def __repr__(self) -> str:
        return "loud"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "loud"


class LoudFloat(float):
    def __repr__(self) -> str:
        return "loud"

    __str__ = __repr__


class LoudDecimal(Decimal):
    def __repr__(self) -> str:
        return "loud"


INTEGERS = [0, 1, -1, 255, 2**31, -(2**31), 2**32, 2**49, EXACT - 1, 1 - EXACT]

FLOATS = [
    1.5,
    -1.5,
    0.0,
    -0.0,
    0.1 + 0.2,
    1 / 3,
    1e300,
    -1e300,
    1e15,
    1e16,
    1.7976931348623157e308,
    2.2250738585072014e-308,
    5e-324,
    123456789.123456789,
    999999999999999.9,
    1e-7,
    2.0**53 + 2,
]

DECIMALS = [
    "12.345",
    "-0.10",
    "0",
    "-0",
    "0E-10",
    "0E+30",
    "1E+14",
    "1E-10",
    "1E-400",
    "999999999999999.5",
    "999999999999999.9",
    "-999999999999999.9",
    "999999999999999.99999",
    "0.1234567890123456789012345678901234567890",
    "123456789012345.678901234567890123456789",
    "100000000000000",
    "1.50",
]

AS_TEXT: list[tuple[object, str]] = [
    (EXACT, "1000000000000000"),
    (-EXACT, "-1000000000000000"),
    (2**53, "9007199254740992"),
    (2**63, "9223372036854775808"),
    (-(2**63), "-9223372036854775808"),
    (2**64, "18446744073709551616"),
    (2**64 - 1, "18446744073709551615"),
    (10**30, "1" + "0" * 30),
    (float("nan"), "NaN"),
    (float("inf"), "Infinity"),
    (float("-inf"), "-Infinity"),
    (LoudFloat("nan"), "NaN"),
    (Loud(EXACT), "1000000000000000"),
    (Decimal("NaN"), "NaN"),
    (Decimal("-NaN"), "-NaN"),
    (Decimal("sNaN"), "sNaN"),
    (Decimal("NaN123"), "NaN123"),
    (Decimal("Infinity"), "Infinity"),
    (Decimal("-Infinity"), "-Infinity"),
    (Decimal("1000000000000000"), "1000000000000000"),
    (Decimal("-1000000000000000.0"), "-1000000000000000.0"),
    (Decimal("1E+20"), "1E+20"),
    (Decimal("1E+999999"), "1E+999999"),
    (Decimal("12345678901234567890.123456789"), "12345678901234567890.123456789"),
    (Fraction(1, 3), "1/3"),
    (1 + 2j, "(1+2j)"),
    (Anything.BIG, "1000000000000000"),
    (Anything.PAIR, '[1, "a"]'),
    (Anything.WORD, "word"),
    (Word.FORMULA, "=1+1"),
]

EDGES = [
    unchanged("true", True),
    unchanged("false", False),
    *(unchanged(f"integer {number}", number) for number in INTEGERS),
    *(unchanged(f"float {number!r}", number) for number in FLOATS),
    *(Edge(f"decimal {digits}", Decimal(digits), float(digits)) for digits in DECIMALS),
    *(Edge(f"{type(n).__name__} as text {text[:24]}", n, text) for n, text in AS_TEXT),
    Edge("integer of 5,001 digits", 10**5000, "1" + "0" * 5000),
    Edge("negative integer of 5,001 digits", -(10**5000), "-1" + "0" * 5000),
    Edge("integer of 33,001 digits", 10**33_000, "1" + "0" * 32_766),
    Edge("decimal of 40,000 digits", Decimal("1" * 40_000), "1" * 32_767),
    Edge("IntEnum", Colour.RED, 7),
    Edge("IntFlag", Right.READ | Right.WRITE, 3),
    Edge("Enum of a decimal", Anything.PRICE, 1.5),
    Edge("Enum of nothing", Anything.NOTHING, None),
    Edge("Enum of a boolean", Anything.TRUTH, True),
    Edge("subclass of int", Loud(5), 5),
    Edge("subclass of float", LoudFloat(2.5), 2.5),
    Edge("subclass of Decimal", LoudDecimal("2.25"), 2.25),
]

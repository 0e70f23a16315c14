"""A large workbook of made-up orders: for trying the system out, for tests and for measuring.

Every row is a pure function of its index and the seed, so that a reader can check each value.
"""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import ClassVar, NamedTuple

from openpyxl.worksheet.worksheet import Worksheet
from pydantic import Field, ValidationInfo, field_validator

from app.job_types.base import JobContext, JobType, Json, Parameters
from app.workbooks.book import Workbook
from app.workbooks.charts import add_bar_chart
from app.workbooks.ordinary import put_row
from app.workbooks.sheet import (
    DATE,
    DATETIME,
    INTEGER,
    MAX_ROWS,
    MEDIA_TYPE,
    MONEY,
    PERCENT,
    Column,
    Sheet,
)
from app.workbooks.styles import print_on_page_width

COLUMNS = (
    Column("Order", 11, INTEGER),
    Column("Quantity", 11, INTEGER),
    Column("Unit price", 13, MONEY),
    Column("Discount", 11, PERCENT),
    Column("Amount", 15, MONEY),
    Column("Ordered", 13, DATE),
    Column("Updated", 21, DATETIME),
    Column("Paid", 9),
    Column("City", 14),
    Column("Comment", 90),
)

CITIES = ("Zürich", "São Paulo", "Αθήνα", "Київ", "القاهرة", "東京", "서울", "Nairobi")

PHRASES = (
    "Delivered to the reception, signed for by the neighbour.",
    "=1+1 is text here, and stays text.",
    "Bitte nur vormittags liefern, größere Pakete über die Rückseite.",
    "مرحبا، يرجى الاتصال قبل التسليم بساعة واحدة على الأقل.",
    "Très fragile 🎻, à manipuler avec précaution.",
    "שלום, נא להשאיר ליד הדלת.",
    "午前中に配達してください。よろしくお願いします。",
    "Paid & packed <twice>; the second box is a gift 🎁.",
    "Заказ собран полностью, замен нет.",
    "No comment from the customer so far",
    "👩‍🚀 asked for express; 🚚 left on time 🇺🇳.",
    "배송 완료 후 문자 부탁드립니다.",
    "Ordered by phone, price agreed with the branch manager in writing.",
)

MAX_COMMENTS = 100_000_000
"""Characters of a comment that was asked for, all rows together."""

_MASK = (1 << 64) - 1
_FIRST_DAY = date(2020, 1, 1)
_DAYS = 2192


class Row(NamedTuple):
    """One order, in the order of `COLUMNS`."""

    order: int
    quantity: int
    unit_price: Decimal
    discount: float
    amount: Decimal
    ordered: date
    updated: datetime
    paid: bool
    city: str
    comment: str


def make_row(index: int, seed: int) -> Row:
    """The row of an index, from 0."""
    bits = _mix(index, seed)
    quantity = 1 + bits % 100
    cents = 100 + (bits >> 7) % 99_901
    permille = (bits >> 24) % 251
    ordered = _FIRST_DAY + timedelta(days=(bits >> 32) % _DAYS)
    midnight = datetime.combine(ordered, time.min)
    return Row(
        order=index + 1,
        quantity=quantity,
        unit_price=Decimal(cents).scaleb(-2),
        discount=permille / 1000,
        amount=Decimal((quantity * cents * (1000 - permille) + 500) // 1000).scaleb(-2),
        ordered=ordered,
        updated=midnight + timedelta(seconds=(bits >> 16) % 2_592_000),
        paid=(bits >> 44) % 3 != 0,
        city=CITIES[(bits >> 46) % len(CITIES)],
        comment=" ".join((_phrase(bits >> 49), _phrase(bits >> 53), _phrase(bits >> 57))),
    )


def _mix(index: int, seed: int) -> int:
    """64 well-mixed bits: neighbouring rows do not resemble each other."""
    bits = ((seed << 32) + index + 1) * 0x9E3779B97F4A7C15 & _MASK
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 & _MASK
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB & _MASK
    return bits ^ bits >> 31


def _phrase(bits: int) -> str:
    return PHRASES[bits % len(PHRASES)]


class Totals:
    """Sums over rows, exact, kept while they stream past."""

    def __init__(self) -> None:
        self.rows = self.quantity = self.paid = 0
        self.amount = Decimal(0)
        self.first, self.last = date.max, date.min
        self.city_rows = dict.fromkeys(CITIES, 0)
        self.city_amounts = dict.fromkeys(CITIES, Decimal(0))

    def watch(self, rows: Iterator[Row]) -> Iterator[Row]:
        """The same rows, counted."""
        for row in rows:
            self._add(row)
            yield row

    def _add(self, row: Row) -> None:
        self.rows += 1
        self.quantity += row.quantity
        self.paid += row.paid
        self.amount += row.amount
        self.first, self.last = min(self.first, row.ordered), max(self.last, row.ordered)
        self.city_rows[row.city] += 1
        self.city_amounts[row.city] += row.amount


class ExcelTestParameters(Parameters):
    """How much, and which."""

    rows: int = Field(1000, ge=1, le=2_000_000, description="Rows of the workbook.")
    seed: int = Field(
        1, ge=0, lt=1 << 32, description="Another seed, other values; the same seed, the same."
    )
    comment: str = Field(
        "", max_length=40_000, description="Text for the Comment column, instead of made-up ones."
    )

    @field_validator("comment")
    @classmethod
    def _is_not_too_much(cls, comment: str, info: ValidationInfo) -> str:
        """Both at their limits would be a file of tens of gigabytes."""
        if len(comment) * info.data.get("rows", 0) > MAX_COMMENTS:
            raise ValueError(f"Has more than {MAX_COMMENTS:,} characters in all rows together")
        return comment

    def make_rows(self) -> Iterator[Row]:
        """The rows that these parameters ask for."""
        rows = (make_row(index, self.seed) for index in range(self.rows))
        if not self.comment:
            return rows
        return (row._replace(comment=self.comment) for row in rows)


class ExcelTest(JobType[ExcelTestParameters]):
    """Writes the workbook."""

    name = "excel_test"
    title = "Excel test"
    parameters = ExcelTestParameters
    example = {"rows": 1000}

    sheet_rows: ClassVar[int] = MAX_ROWS
    """Rows of one sheet, the header included."""

    def run(self, context: JobContext, parameters: ExcelTestParameters) -> dict[str, Json]:
        """See `JobType.run`."""
        count, totals = parameters.rows, Totals()

        def report(done: int) -> None:
            context.progress(done / count, f"{done:,} of {count:,} rows")

        sheet = Sheet("Rows", COLUMNS, max_rows=self.sheet_rows)
        with (
            context.artifact(f"excel_test_{count}_rows.xlsx", MEDIA_TYPE) as file,
            Workbook(file, title=f"Excel test, {count:,} rows", creator="Ringback") as workbook,
        ):
            written = workbook.write(sheet, totals.watch(parameters.make_rows()), report)
            _summarise(workbook.add_sheet("Summary", active=True), totals)
        return {
            "rows": written.rows,
            "sheets": [*written.titles, "Summary"],
            "totals": _as_json(totals),
        }


def _as_json(totals: Totals) -> Json:
    """The totals for the job's result; money as text, since it is exact."""
    return {
        "quantity": totals.quantity,
        "amount": str(totals.amount),
        "paid": totals.paid,
        "first_ordered": totals.first.isoformat(),
        "last_ordered": totals.last.isoformat(),
    }


def _summarise(worksheet: Worksheet, totals: Totals) -> None:
    """Lay out the totals, the sums of each city, and a chart of these."""
    put_row(worksheet, 1, ["Total", "Value"], header=True)
    for number, (label, value, shown) in enumerate(_total_lines(totals), 2):
        put_row(worksheet, number, [label, value], [None, shown])
    top = worksheet.max_row + 2
    put_row(worksheet, top, ["City", "Rows", "Amount"], header=True)
    for number, city in enumerate(CITIES, top + 1):
        sums = totals.city_rows[city], totals.city_amounts[city]
        put_row(worksheet, number, [city, *sums], [None, INTEGER, MONEY])
    for letter in "ABC":
        worksheet.column_dimensions[letter].width = 20
    print_on_page_width(worksheet)
    bottom = top + len(CITIES)
    add_bar_chart(worksheet, "E1", "Amount by city", top=top, bottom=bottom, values=3)


def _total_lines(totals: Totals) -> list[tuple[str, object, str]]:
    return [
        ("Rows", totals.rows, INTEGER),
        ("Quantity", totals.quantity, INTEGER),
        ("Amount", totals.amount, MONEY),
        ("Paid", totals.paid, INTEGER),
        ("First ordered", totals.first, DATE),
        ("Last ordered", totals.last, DATE),
    ]

"""Charts that Excel draws itself, out of cells and along with them."""

from openpyxl.chart import BarChart, Reference
from openpyxl.worksheet.worksheet import Worksheet


def add_bar_chart(
    worksheet: Worksheet, anchor: str, title: str, *, top: int, bottom: int, values: int
) -> None:
    """Draw one column of a table as bars.

    Args:
        anchor: the cell in which the chart's upper left corner lies.
        top: the table's header row; its texts name the axes.
        bottom: the table's last row.
        values: the column of the figures, from 1; the first one holds the labels.
    """
    chart = BarChart()
    chart.title, chart.legend = title, None
    chart.width, chart.height = 22, 11
    figures = Reference(worksheet, min_col=values, min_row=top, max_row=bottom)
    chart.add_data(figures, titles_from_data=True)
    chart.set_categories(Reference(worksheet, min_col=1, min_row=top + 1, max_row=bottom))
    chart.x_axis.title = str(worksheet.cell(top, 1).value)
    chart.y_axis.title = str(worksheet.cell(top, values).value)
    chart.y_axis.number_format, chart.gapWidth = "#,##0", 60
    # openpyxl hides axes unless it is told not to.
    chart.x_axis.delete = chart.y_axis.delete = False
    worksheet.add_chart(chart, anchor)

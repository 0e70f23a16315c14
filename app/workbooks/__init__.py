"""Excel workbooks out of rows: written in one pass, fast, with memory that does not grow with the rows.

A workbook is a file being written; sheets are added to it one after the other:

    columns = [Column("City", width=20, total="Total"), Column("Amount", format=MONEY, total=Total.SUM)]
    with whole_file("sales.xlsx") as file, Workbook(file, title="Sales") as workbook:
        written = workbook.write(Sheet("Sales", columns), rows, progress=print)
        summary = workbook.add_sheet("Summary")     # an ordinary openpyxl sheet: styles, charts …
        put(summary, 1, 1, "Rows")
        put(summary, 1, 2, written.rows)

`rows` is any iterable of tuples, lists or database rows; `app.workbooks.values` says what each Python value
becomes. Text is always text: a formula or a link needs its type in `app.workbooks.explicit`. Styles, charts,
conditional formats, defined names and document properties are openpyxl's, as they are: through
`Workbook.openpyxl`, `Workbook.add_sheet` and `Sheet.prepare`.

The way of a row, each stage in a module of its own:

| stage | module |
| --- | --- |
| what a sheet looks like, and the limits of Excel | `sheet` |
| a file that is whole or not there | `target` |
| the workbook: adds sheets, completes the file | `book` |
| one table: header, batches of rows, totals, split over sheets | `table` |
| a batch of rows into XML | `rows`, `cells` (the markup around contents) |
| many values of one type into contents | `columns` |
| one value, whatever it is; the rules | `values`, `foreign` (numpy, psycopg2, JSON), `lengths` |
| formulas and links, which are never guessed | `explicit` |
| the row of totals | `totals` |
| looks of headers, values and totals | `styles` |
| all other parts of the package, by openpyxl | `package` |
| the ZIP archive, its compression, and its file | `archive`, `deflate`, `output` |
| cells of ordinary sheets; charts | `ordinary`, `charts` |
| reading files of others | `reading` |

Nothing here knows of jobs.
"""

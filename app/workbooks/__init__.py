"""Excel workbooks out of rows: written in one pass, with memory that does not grow with the rows.

A workbook is a file being written; sheets are added to it one after the other:

    columns = [Column("City", width=20), Column("Amount", format=MONEY)]
    with Workbook(file, title="Sales") as workbook:
        written = workbook.write(Sheet("Sales", columns), rows, progress=print)
        summary = workbook.add_sheet("Summary")     # an ordinary openpyxl sheet: styles, charts …
        put(summary, 1, 1, "Rows")
        put(summary, 1, 2, written.rows)

The stages, each in a module of its own: `sheet` says what a sheet looks like, `values` what each
Python value becomes, `rows` turns rows into XML, `book` streams them into the package, whose other
parts are openpyxl's work. Nothing here knows of jobs.
"""

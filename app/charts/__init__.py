"""Pictures of series of numbers: PNG and SVG.

    chart = Chart("line", [Series("North", y=[1, 4, 2])], title="Sales")
    picture = draw(chart)       # from app.charts.drawing, which takes a second to import
    spoken = describe(chart)

`chart` says what a chart is and puts it into words, `library` imports matplotlib without a trace, and
`drawing` draws. Nothing here knows of jobs.
"""

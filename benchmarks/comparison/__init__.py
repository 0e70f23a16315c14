"""Compares contenders on cases, each measurement in a fresh process, fairly interleaved.

The stages, each in a module of its own: `model` says what a suite is, `running` measures, `probe` is
what a measured process uses, `figures` makes medians and ratios, `report` the Markdown, `chart` the
picture, `page` puts a report into a page. Nothing here knows what is compared: see `suites`.
"""

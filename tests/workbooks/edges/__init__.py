"""Values at the edges of what Excel can hold, each with what readers of the workbook have to give."""

from tests.workbooks.edges import foreign, moments, numbers, others, texts
from tests.workbooks.edges.edge import Edge

EDGES: list[Edge] = [
    *texts.EDGES,
    *numbers.EDGES,
    *moments.EDGES,
    *others.EDGES,
    *foreign.EDGES,
]

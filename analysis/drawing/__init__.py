"""What figures share: their look, panels, marks, limits, notes and layout.

A figure's ``summarise(results)`` returns all that the figure shows as plain data, in percent or
points; it can be tested without drawing, and sent to another process. Most summaries are of a kind
that several figures share and that draws itself: `rows.Rows`, `lines.Lines`, `curves.Curves`,
`histograms.Histograms`.
"""

import analysis.drawing._matplotlib  # noqa: F401, I001  (first, see there)


from dataclasses import dataclass

from matplotlib.figure import Figure


class NothingToDraw(Exception):  # noqa: N818  (not an error: a study need not have every figure)
    """A figure does not apply to a study; the message is a sentence that says why."""


@dataclass(frozen=True)
class Drawing:
    """A finished figure.

    Attributes:
        figure: matplotlib's figure.
        title: what it shows, in a few words.
        caption: what it shows and how to read it, in sentences.
        note: the text below its panels: seeds, intervals, what is left out.
    """

    figure: Figure
    title: str
    caption: str
    note: str

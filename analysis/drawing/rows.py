"""Rows below each other: each seed as a point, the mean and its interval.

A slot is a labelled place of the vertical axis; it holds one mark, or one for each method.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from matplotlib.axes import Axes

from analysis.drawing import Drawing
from analysis.drawing.layout import add_title, finish, panel_grid
from analysis.drawing.marks import Mark, draw_behind, draw_mark, draw_seeds, guide_entries
from analysis.drawing.sides import Side, Sided, SidedPanel
from analysis.drawing.style import STRIPE, TINT, Style

#: Height of a mark that is alone in its slot, of another one, and between slots, in inches.
_ALONE, _MARK, _BETWEEN = 0.32, 0.19, 0.11
#: Height of a panel's title and horizontal axis, in inches.
_FRAME = 0.75
#: How far seeds lie above and the mean below the middle of a mark's room, as fractions of it.
_SEEDS, _MEAN = 0.2, 0.14


@dataclass(frozen=True)
class Slot:
    """A labelled row, or several rows with a label in their middle.

    Attributes:
        label: the label on the vertical axis.
        marks: from top to bottom.
        aside: a text at its right end.
    """

    label: str
    marks: tuple[Mark, ...]
    aside: str = ""


@dataclass(frozen=True)
class RowSide(Side):
    """One axes of a panel, whose horizontal axis is that of the values.

    Attributes:
        slots: from top to bottom.
        is_tinted: whether it is marked as not being the result.
        aside: heading of the slots' texts.
    """

    slots: tuple[Slot, ...]
    is_tinted: bool = False
    aside: str = ""

    @property
    def marks(self) -> list[Mark]:
        """All marks of the side."""
        return [mark for slot in self.slots for mark in slot.marks]


@dataclass(frozen=True)
class RowPanel(SidedPanel):
    """A panel with rows."""

    sides: tuple[RowSide, ...]


@dataclass(frozen=True)
class Rows(Sided[RowPanel]):
    """What a figure with rows shows.

    Attributes:
        in_legend: whether a legend names the methods; without one the slots do.
    """

    in_legend: bool

    def draw(self, title: str, caption: str) -> Drawing:
        """Draw the panels of a figure.

        Args:
            title: the figure's title.
            caption: the figure's caption.
        """
        titles = [panel.title for panel in self.panels]
        heights = [max(map(_height, panel.sides)) for panel in self.panels]
        figure, grid = panel_grid(titles, heights, sides=self.sides, shared="none")
        sides = [side for panel in self.shown for side in panel.sides]
        labels: list[str] = []
        for axes, side in zip(grid.ravel(), sides, strict=True):
            _draw_side(axes, side, self.styles)
            left, labels = labels, [slot.label for slot in side.slots]
            if labels == left and not axes.get_subplotspec().is_first_col():
                axes.tick_params(labelleft=False)
        further = guide_entries(guide for side in sides for guide in side.guides)
        styles = self.styles if self.in_legend else {}
        return finish(figure, title, caption, self.full_note, styles, further, lines=False)


def _room(slot: Slot) -> float:
    """Return the height of a slot without the space around it, in inches."""
    return _ALONE if len(slot.marks) == 1 else _MARK * len(slot.marks)


def _height(side: RowSide) -> float:
    """Return the height of a panel in inches."""
    return _FRAME + sum(_room(slot) + _BETWEEN for slot in side.slots)


def _draw_side(axes: Axes, side: RowSide, styles: Mapping[str, Style]) -> None:
    """Draw one axes; its vertical axis is in inches, from the top."""
    add_title(axes, side.title)
    axes.set(xlabel=side.axis, xlim=side.view)
    top, places = 0.0, []
    for number, slot in enumerate(side.slots):
        room = _room(slot)
        bottom = top + room + _BETWEEN
        if number % 2 and len(slot.marks) > 1:
            axes.axhspan(top, bottom, color=STRIPE, lw=0, zorder=0)
        each = room / max(len(slot.marks), 1)
        for place, mark in enumerate(slot.marks):
            at = top + _BETWEEN / 2 + each * (place + 0.5)
            style = styles[mark.method]
            draw_seeds(axes, mark.seeds, at - _SEEDS * each, style)
            draw_mark(axes, mark, at + _MEAN * each, style)
        places.append((top + bottom) / 2)
        top = bottom
    axes.set_ylim(top, 0)
    axes.set_yticks(places, [slot.label for slot in side.slots])
    axes.grid(visible=False, axis="y")
    draw_behind(axes, side.guides, side.zone)
    if side.is_tinted:
        axes.set_facecolor(TINT)
    for at, slot in zip(places, side.slots, strict=True):
        _write_aside(axes, at, slot.aside)
    _write_aside(axes, -0.08, side.aside)


def _write_aside(axes: Axes, at: float, text: str) -> None:
    if text:
        axes.text(1.02, at, text, transform=axes.get_yaxis_transform(), va="center", size=8.5)

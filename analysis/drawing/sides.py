"""Panels of several axes beside each other, the sides of a panel, each with its marks."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from analysis.drawing.layout import left_out
from analysis.drawing.limits import Limits, outside
from analysis.drawing.marks import Mark
from analysis.drawing.notes import seeds, sentences, unseen
from analysis.drawing.panels import MOST_PANELS
from analysis.drawing.style import Style


@dataclass(frozen=True)
class Side(ABC):
    """One axes of a panel.

    Attributes:
        title: what it shows, below the panel's title.
        axis: label of the axis of values, with its unit.
        view: limits of this axis.
        guides: lines across it: a value and a key of `analysis.drawing.marks.GUIDES`.
        zone: values that are shaded, from one to another.
    """

    title: str
    axis: str
    view: Limits
    guides: tuple[tuple[float, str], ...] = field(default=(), kw_only=True)
    zone: Limits | None = field(default=None, kw_only=True)

    @property
    @abstractmethod
    def marks(self) -> list[Mark]:
        """All means of the side."""


@dataclass(frozen=True)
class SidedPanel:
    """A panel: its title and its axes, beside each other."""

    title: str
    sides: Sequence[Side]


P = TypeVar("P", bound=SidedPanel)


@dataclass(frozen=True)
class Sided(Generic[P]):
    """What a figure shows whose panels have several axes beside each other.

    Attributes:
        panels: at least one, each with the same number of sides.
        styles: the methods with their styles, in the order of display.
        note: the sentences below the panels, without those on what is not shown.
    """

    panels: tuple[P, ...]
    styles: Mapping[str, Style] = field(repr=False)
    note: str

    @property
    def sides(self) -> int:
        """The number of sides of a panel."""
        return len(self.panels[0].sides)

    @property
    def shown(self) -> tuple[P, ...]:
        """The panels that there is room for."""
        return self.panels[: MOST_PANELS // self.sides]

    @property
    def full_note(self) -> str:
        """The sentences below the panels."""
        views = [outside(side.marks, side.view) for panel in self.shown for side in panel.sides]
        return sentences(self.note, unseen(views), left_out(len(self.panels), self.sides))


def seeds_of(panels: Iterable[SidedPanel]) -> str:
    """Return the sentence on the seeds of all marks of some panels, whose bars are intervals."""
    return seeds((mark.n for panel in panels for side in panel.sides for mark in side.marks), "bar")

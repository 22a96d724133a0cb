"""How figures look: colours, markers and lines, the same in every figure.

Each colour of a figure has a counterpart for pages with a dark background (`DARK`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

#: Lines and text, secondary text, the grid, the background, every second row, and shaded zones.
INK, SOFT, GRID, PAPER, STRIPE, ZONE = (
    "#262626",
    "#555555",
    "#e3e3e3",
    "#ffffff",
    "#f4f4f4",
    "#777777",
)
#: Background of a panel that must not be read as the result.
TINT = "#f6efe2"
#: Text over a colour that is the same on every page, dark or light.
ON_LIGHT, ON_DARK = "#0a0a0a", "#fafafa"

#: Okabe and Ito's palette without its yellow, which is too faint for a line on white, and colours
#: of Paul Tol's. They are distinct with any of the common colour blindnesses.
_COLOURS = ("#009e73", "#cc79a7", "#882255", "#999933", "#44aa99", "#aa4499", "#117733", "#661100")
_MARKERS = ("^", "v", "<", ">", "P", "*", "h", "d")


@dataclass(frozen=True)
class Style:
    """Colour, marker and line of a method; marker and line alone distinguish methods too."""

    colour: str
    marker: str
    line: Literal["-", "--", ":"]


#: Free methods have a solid line, minimal methods a dashed one.
_FIXED = {
    "dense": Style("#333333", "o", "-"),
    "free-pruning": Style("#0072b2", "s", "-"),
    "minimal-pruning": Style("#56b4e9", "s", "--"),
    "free-flipping": Style("#d55e00", "D", "-"),
    "minimal-flipping": Style("#e69f00", "D", "--"),
}

#: The styles of the conclusions of verdicts.
CONCLUSIONS = {
    "supported": Style("#0072b2", "o", "-"),
    "undecided": Style("#777777", "D", "-"),
    "refuted": Style("#d55e00", "X", "-"),
    "suggests": Style("#56b4e9", "o", "-"),
    "open": Style("#aaaaaa", "D", "-"),
    "speaks against": Style("#e69f00", "X", "-"),
}

#: The colours of signs. Purple and orange are distinct with any of the common colour blindnesses,
#: and in grey.
SIGNS = {"negative": "#5e3c99", "zero": "#e8e8e8", "positive": "#fdb863"}
#: The connections that are kept, beside those that are changed.
KEPT = "#c4c4c4"
#: The region of accuracy and changed connections that a claim is about.
CLAIMED = "#bfe6da"

#: The colour that stands for each colour of a figure on a page with a dark background. Colours of
#: heat maps and of signs are the same on every page.
DARK = {
    INK: "#e6e6e6",
    SOFT: "#b4b4b4",
    GRID: "#383b40",
    PAPER: "#1f2124",
    STRIPE: "#26292d",
    ZONE: "#8a8a8a",
    TINT: "#3a3120",
    KEPT: "#5d6066",
    CLAIMED: "#1d4a3d",
    "#cccccc": "#4c5056",
    "#aaaaaa": "#8f8f8f",
    "#333333": "#dcdcdc",
    "#0072b2": "#4aa8e0",
    "#56b4e9": "#8fd0f5",
    "#d55e00": "#ff8a3d",
    "#e69f00": "#f2b84b",
    "#009e73": "#2fc39a",
    "#cc79a7": "#e29cc2",
    "#882255": "#d0709e",
    "#999933": "#c3c35c",
    "#44aa99": "#6cc9b9",
    "#aa4499": "#d27cc4",
    "#117733": "#58b877",
    "#661100": "#d17a63",
}


def styles(methods: Sequence[str]) -> dict[str, Style]:
    """Return the style of each method.

    Args:
        methods: all methods of a study, so that a method without a fixed style has the same one in
            all of its figures.
    """
    others = sorted(set(methods) - set(_FIXED))
    chosen = {
        name: Style(_COLOURS[i % len(_COLOURS)], _MARKERS[i % len(_MARKERS)], ":")
        for i, name in enumerate(others)
    }
    return {name: _FIXED.get(name) or chosen[name] for name in methods}

"""What figures share: marks, limits, layout, names in any script, and a look of our own."""

import math
import os
import subprocess
import sys
import warnings
from pathlib import Path

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import analysis
from analysis import figures
from analysis.drawing.layout import columns_for, panel_grid
from analysis.drawing.limits import Outside, outside, padded, view
from analysis.drawing.marks import Mark, draw_mark, draw_seeds
from analysis.drawing.notes import unseen
from analysis.drawing.style import CONCLUSIONS, DARK, Style, styles
from analysis.drawing.svg import inline, save
from analysis.drawing.text import legible
from analysis.drawing.theme import theme

STYLE = Style("#0072b2", "s", "-")


def _axes(low=0.0, high=1.0):
    axes = Figure().subplots()
    axes.set(xlim=(low, high), ylim=(low, high))
    return axes


def _at(axes, marker):
    return [
        (line.get_xdata()[0], line.get_ydata()[0])
        for line in axes.lines
        if line.get_marker() == marker
    ]


# Marks.


def test_a_mark_in_view():
    axes = _axes()
    draw_mark(axes, Mark("m", 0.5, 0.4, 0.6), 0.2, STYLE)
    assert _at(axes, "s") == [(0.5, 0.2)]
    bar = axes.lines[0]
    assert (list(bar.get_xdata()), list(bar.get_ydata())) == ([0.4, 0.6], [0.2, 0.2])
    assert not axes.texts


@pytest.mark.parametrize("upright", [False, True])
def test_ends_outside_are_cut_and_have_arrows(upright):
    axes = _axes()
    draw_mark(axes, Mark("m", 0.5, -1.0, 2.0), 0.2, STYLE, upright=upright)
    low, high = ((0.2, 0.0), (0.2, 1.0)) if upright else ((0.0, 0.2), (1.0, 0.2))
    assert _at(axes, "v" if upright else "<") == [low]
    assert _at(axes, "^" if upright else ">") == [high]
    bar = axes.lines[0]
    assert list(bar.get_ydata() if upright else bar.get_xdata()) == [0.0, 1.0]


def test_a_mean_outside_is_a_number_at_the_edge():
    axes = _axes()
    draw_mark(axes, Mark("m", 7.3, word="median"), 0.2, STYLE)
    assert _at(axes, ">") == [(1.0, 0.2)]
    assert not _at(axes, "s")
    assert [text.get_text() for text in axes.texts] == ["median 7.3"]


def test_a_mark_without_a_value_draws_nothing():
    axes = _axes()
    draw_mark(axes, Mark("m", math.nan), 0.2, STYLE)
    assert not axes.lines
    assert not axes.texts


def test_seeds_inside_are_points_and_outside_an_arrow():
    axes = _axes()
    draw_seeds(axes, [0.1, 0.9, 5.0, 6.0], 0.5, STYLE)
    assert list(axes.lines[0].get_xdata()) == [0.1, 0.9]
    assert _at(axes, ">") == [(1.0, 0.5)]


def test_seeds_of_one_value_are_counted():
    same = Mark("m", 0.5, n=3, seeds=(0.5, 0.5, 0.5))
    assert same.is_equal
    assert not Mark("m", 0.5, n=1, seeds=(0.5,)).is_equal
    assert not Mark("m", 0.5, n=3).is_equal  # its seeds are not shown
    axes = _axes()
    draw_mark(axes, same, 0.5, STYLE)
    assert [text.get_text() for text in axes.texts] == ["3 equal"]


# Limits.


def test_limits_by_hand():
    assert padded(0, 10) == pytest.approx((-0.6, 10.6))
    assert padded(5, 5) == pytest.approx((4.95, 5.05))
    assert view([Mark("m", 90.0), Mark("m", 95.0)]) == padded(90, 95)
    assert view([], include=(0.0, 2.0)) == padded(0, 2)


def test_one_mean_far_away_does_not_set_the_view():
    marks = [Mark("m", mean) for mean in (10.0, 97.0, 97.5, 98.0, 98.5)]
    low, _ = view(marks)
    assert low > 94
    assert outside(marks, view(marks)) == Outside(seeds=0, means=1, ends=0, equal=0, of=0)


def test_the_wide_interval_of_two_seeds_does_not_set_the_view():
    marks = [Mark("m", mean, mean - 40, mean + 40) for mean in (97.0, 97.5)]
    low, high = view(marks)
    assert high - low < 6


def test_a_view_holds_what_it_must_and_ends_where_it_must():
    low, high = view([Mark("m", 99.9, 99.0, 103.0)], include=(98.0,), within=(-1.0, 101.0))
    assert low < 98.0
    assert high == 101.0


values = st.floats(-100, 100)


@given(st.lists(values, min_size=1, max_size=12), st.lists(values, max_size=3))
def test_a_view_is_never_empty_and_holds_most_means(means, include):
    marks = [Mark("m", mean) for mean in means]
    low, high = view(marks, include=include)
    assert low < high
    assert all(low <= value <= high for value in include)
    assert outside(marks, (low, high)).means <= 2 * max(1, len(means) // 5)


def test_what_is_unseen_is_counted_over_all_panels():
    one, other = Outside(1, 0, 2, 0, 5), Outside(0, 1, 0, 1, 5)
    assert unseen([one, other]) == (
        "Arrows at an edge: 1 of 10 seeds, 1 mean and 2 ends of intervals outside the view. "
        "“n equal”: all n seeds have the same value, so there is no interval."
    )
    assert unseen([Outside(0, 0, 0, 0, 9)]) == ""


# Layout.


@pytest.mark.parametrize(
    ("panels", "columns"), [(1, 1), (2, 2), (3, 3), (4, 2), (5, 3), (6, 3), (7, 2), (8, 2), (10, 2)]
)
def test_panels_leave_as_few_places_empty_as_they_can(panels, columns):
    assert columns_for(panels) == columns


def test_a_row_of_panels_is_as_high_as_its_highest():
    figure, grid = panel_grid(["a", "b", "c", "d"], [1.0, 3.0, 2.0, 2.0])
    assert grid.shape == (4, 1)
    assert figure.get_figheight() == pytest.approx(5.0)


# Names in any script.

NASTY = "cheap_$5_to_$10"
CHINESE = "数字"


def test_names_that_the_font_lacks_have_a_stand_in():
    assert legible("digits ± Ж é −") == "digits ± Ж é −"  # noqa: RUF001
    assert legible(CHINESE) == "\\u6570\\u5b57"


@pytest.mark.parametrize("name", ["final_accuracy", "accuracy_by_epoch", "data_sets", "forest"])
def test_text_is_literal(study, record, tmp_path, name):
    asked = study(dataset=[NASTY, CHINESE, "digits"], margin=0.5)
    results = analysis.load(record(asked))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as a glyph that is missing
        drawing = figures.draw(name, results)
        save(drawing, tmp_path, name)
    texts = [text.get_text() for axes in drawing.figure.axes for text in _texts_of(axes)]
    joined = " ".join(texts).replace("\n", " ")
    assert NASTY in joined
    assert "\\u6570\\u5b57" in joined


def _texts_of(axes):
    return [axes.title, *axes.get_yticklabels(), *axes.get_xticklabels(), *axes.texts]


# A look of our own.


def test_every_colour_of_a_style_has_one_for_dark_pages():
    looks = [*styles([f"method {i}" for i in range(8)]).values(), *CONCLUSIONS.values()]
    for style in (*looks, *styles(["dense", "free-pruning", "minimal-flipping"]).values()):
        assert style.colour in DARK


def _contrast(one, other):
    def luminance(colour):
        channels = [
            c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)
        ]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), channels, strict=True))

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_marks_and_text_stand_out_on_dark_pages():
    for style in [*styles([f"m{i}" for i in range(8)]).values(), *CONCLUSIONS.values()]:
        assert _contrast(DARK[style.colour], DARK["#ffffff"]) >= 4.5, style
    assert _contrast(DARK["#262626"], DARK["#ffffff"]) >= 7


def test_a_page_sets_the_colours_of_a_figure(results, tmp_path):
    drawing = figures.draw("final_accuracy", results)
    text = save(drawing, tmp_path, "final_accuracy")
    element = inline(text, "final_accuracy", 7.0, 'a "quoted" & <odd> text')
    assert "var(--c-0072b2, #0072b2)" in element
    assert "#0072b2;" not in element.replace("var(--c-0072b2, #0072b2)", "")
    assert "<!--" not in element
    assert "&amp; &lt;odd&gt;" in element
    assert "width: 672px" in element
    assert "#0072b2" in (tmp_path / "final_accuracy.svg").read_text()


def _files(results, folder):
    folder.mkdir()
    for name in ("final_accuracy", "accuracy_by_epoch"):
        save(figures.draw(name, results), folder, name)
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_settings_of_a_user_change_nothing(results, tmp_path):
    plain = _files(results, tmp_path / "plain")
    own = {
        "font.size": 30,
        "savefig.bbox": "tight",
        "savefig.dpi": 30,
        "figure.dpi": 31,
        "axes.facecolor": "red",
        "lines.linewidth": 9,
        "text.usetex": True,
        "axes.formatter.use_mathtext": True,
        "svg.fonttype": "none",
    }
    with mpl.rc_context(own):
        assert _files(results, tmp_path / "own") == plain
        assert mpl.rcParams["font.size"] == 30  # theirs again
    assert len(plain) == 4


def test_the_theme_ends_with_its_context():
    before = dict(mpl.rcParams)
    with theme():
        assert mpl.rcParams["svg.hashsalt"] == "untuned"
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("place", ["here", "settings"])
def test_settings_of_matplotlib_that_are_not_utf8_do_no_harm(tmp_path, place):
    for name in ("here", "settings"):
        (tmp_path / name).mkdir()
    (tmp_path / place / "matplotlibrc").write_bytes("# café".encode("latin-1"))
    code = "import os, analysis.drawing; print(os.getcwd(), os.environ['MATPLOTLIBRC'])"
    settings = str(tmp_path / "settings")
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | {"MATPLOTLIBRC": settings, "PYTHONPATH": str(Path(__file__).parents[2])},
        cwd=tmp_path / "here",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.stderr, answer.stdout) == ("", f"{tmp_path / 'here'} {settings}\n")


def test_a_backend_that_does_not_exist_changes_nothing(tmp_path):
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.size: 30\n")
    code = (
        "import os, analysis.drawing, matplotlib\n"
        "from analysis.drawing.theme import theme\n"
        "with theme():\n"
        "    print(matplotlib.rcParams['font.size'], matplotlib.rcParams['text.usetex'])\n"
        "print(os.environ['MPLBACKEND'])"
    )
    answer = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ
        | {
            "MPLBACKEND": "nonsense",
            "MATPLOTLIBRC": str(tmp_path),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.splitlines() == ["10.0 False", "nonsense"]

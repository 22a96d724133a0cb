"""Test accuracy after the last epoch: every seed, the mean and its interval."""

from analysis.cells import BASELINE, varying
from analysis.drawing import (
    Drawing,
    NothingToDraw,
    diverged_or_dead,
    finish,
    methods_of,
    seeds,
    sentences,
    sheet,
    split,
)
from analysis.drawing.points import Outside, draw_points, unseen, view
from analysis.estimates.intervals import grouped
from analysis.tables import Results

ORDER = 10
TITLE = "Test accuracy after the last epoch"


def draw(results: Results) -> Drawing:
    """Draw final test accuracies in percent, a row per method, with the mean of dense."""
    trials = results.trials.dropna(subset="test_accuracy")
    if trials.empty:
        raise NothingToDraw("No trial with a recorded accuracy is finished.")
    shown = methods_of(results, trials)
    height = 0.8 + 0.38 * len(shown)
    figure, panels, left_out = sheet(split(results, trials), height, "test accuracy (%)", "")
    counts: list[int] = []
    outside: list[Outside] = []
    for axes, panel in panels:
        means = grouped(panel.rows, varying(results), "test_accuracy")
        counts += means["n"].tolist()
        axes.set_xlim(view(trials, varying(results), "test_accuracy"))
        outside.append(draw_points(axes, panel.rows, means, "test_accuracy", shown))
        for mean in means.loc[means["method"] == BASELINE, "mean"]:
            axes.axvline(mean * 100, color="#333333", lw=0.9, ls=(0, (4, 3)), zorder=0.5)
    dashed = "Dashed: mean of dense." if BASELINE in shown else "The study has no dense training."
    note = sentences(
        "Small points: one seed each.",
        seeds(counts, "bar"),
        dashed,
        unseen(outside),
        diverged_or_dead(results.trials),
        left_out,
    )
    finish(figure, TITLE, {}, note)
    caption = (
        "Test accuracy after the last epoch, by method. Further right is better. The axis does not "
        "start at zero."
    )
    return Drawing(figure, TITLE, caption, note)

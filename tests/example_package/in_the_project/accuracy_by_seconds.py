"""Final accuracy against the training time of each trial."""

from analysis.drawing import (
    Drawing,
    NothingToDraw,
    diverged_or_dead,
    finish,
    methods_of,
    sheet,
    split,
)
from analysis.tables import Results

ORDER = 90
TITLE = "Accuracy against time"


def draw(results: Results) -> Drawing:
    """Draw a point per trial, accuracy in percent; one panel per value of the varied fields."""
    trials = results.trials.dropna(subset="test_accuracy")
    if trials["method"].nunique() < 2:
        raise NothingToDraw("The study trains only one method.")
    shown = methods_of(results, trials)
    figure, placed, left_out = sheet(split(results, trials), 3.0, "seconds", "accuracy (%)")
    for axes, panel in placed:
        for method, look in shown.items():
            rows = panel.rows[panel.rows["method"] == method]
            accuracy = rows["test_accuracy"] * 100
            axes.scatter(rows["seconds"], accuracy, color=look.colour, marker=look.marker)
    note = " ".join(
        filter(None, ["One point per trial.", diverged_or_dead(results.trials), left_out])
    )
    finish(figure, TITLE, shown, note)
    return Drawing(
        figure, TITLE, "Test accuracy after the last epoch, against the trial's seconds.", note
    )

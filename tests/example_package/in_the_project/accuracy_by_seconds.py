"""Final accuracy against the training time of each trial."""

from collections.abc import Mapping
from dataclasses import dataclass

from analysis.drawing import Drawing, NothingToDraw
from analysis.drawing.layout import finish, panel_grid
from analysis.drawing.notes import diverged_or_dead, sentences
from analysis.drawing.panels import styles_of
from analysis.drawing.style import Style
from analysis.tables import Results

ORDER = 90
QUESTION = "cost"
TITLE = "Accuracy against time"
CAPTION = "Test accuracy after the last epoch, against the trial's seconds."


@dataclass(frozen=True)
class Summary:
    """What the figure shows: per method the seconds and the accuracies of its trials."""

    trials: Mapping[str, tuple[tuple[float, float], ...]]
    styles: Mapping[str, Style]
    note: str


def summarise(results: Results) -> Summary:
    """Return a point per trial: seconds, and accuracy in percent."""
    trials = results.trials.dropna(subset="test_accuracy")
    if trials["method"].nunique() < 2:
        raise NothingToDraw("The study trains only one method.")
    points = {
        str(method): tuple(zip(rows["seconds"], rows["test_accuracy"] * 100, strict=True))
        for method, rows in trials.groupby("method")
    }
    note = sentences("One point per trial.", diverged_or_dead(results.trials))
    return Summary(points, styles_of(results, trials), note)


def draw(summary: Summary) -> Drawing:
    """Draw a point per trial."""
    figure, ((axes,),) = panel_grid([""], 3.0)
    for method, style in summary.styles.items():
        seconds, accuracy = zip(*summary.trials[method], strict=True)
        axes.scatter(seconds, accuracy, color=style.colour, marker=style.marker)
    axes.set(xlabel="seconds", ylabel="test accuracy (%)")
    return finish(figure, TITLE, CAPTION, summary.note, summary.styles)

"""Our results compared with those of the official implementation: LeNet-300-100 on MNIST.

Compared are the means over seeds of test accuracy and changed fraction after epochs 1 and 10, for
each configuration that the official implementation was run with (see reference/README.md). Run
``python -m analysis.reference RESULTS_URI...``: it prints the table and exits with 1 if a
configuration is missing or outside its tolerance.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from analysis.numbers import MISSING, number
from analysis.tables import Results, load
from studies.errors import UserError
from studies.trial import FIELDS

DATA = Path(__file__).parent / "reference" / "official_lenet_mnist.csv"
EPOCHS = (1, 10)
#: Largest difference of the means of accuracy and of changed, in points.
TOLERANCE = (0.4, 1.0)
#: The same for the accuracy if the reference has a single seed. Then only the accuracy after the
#: last epoch is judged, because the other values of one seed vary by more than a point (in our runs
#: at a positive_fraction of 0.9 the changed fraction after one epoch ranges from 26 to 29%).
TOLERANCE_ONE_SEED = 1.0

_METHODS = {
    "Baseline": "dense",
    "FreePruning": "free-pruning",
    "FreeFlipping": "free-flipping",
    "MinPruning": "minimal-pruning",
    "MinFlipping": "minimal-flipping",
}
_WEIGHTS = {"he": "he-normal", "heconstant": "he-constant"}
#: The fields that the reference was trained with; all others are at their defaults.
_RECIPE = {
    "network": "lenet-300-100",
    "dataset": "mnist",
    "epochs": 10,
    "batch_size": 25,
    "learning_rate": 1e-3,
}
_CELL = ["weights", "positive_fraction", "method"]
_KEY = [*_CELL, "epoch"]


def official() -> pd.DataFrame:
    """Return the official curves under our names.

    Returns:
        A row per run, epoch and layer: method, weights, positive_fraction, seed, epoch, layer
        (`all` or the layer's name there), test_accuracy (nan per layer) and changed, fractions.
    """
    table = pd.read_csv(DATA).rename(
        columns={"p1": "positive_fraction", "test_acc": "test_accuracy"}
    )
    table["method"] = table.pop("traintype").map(_METHODS)
    table["weights"] = table.pop("initializer").map(_WEIGHTS)
    return table


def compare(results: Results) -> pd.DataFrame:
    """Compare our means with the official ones.

    Args:
        results: of the studies that have the reference's configurations; others are ignored.

    Returns:
        A row per configuration and epoch: weights, positive_fraction, method, epoch; seeds and
        official_seeds; accuracy, official_accuracy, accuracy_difference and changed,
        official_changed, changed_difference in percent and points, nan if we have none;
        `judged`: whether the row has a tolerance; `within`: whether it is within its tolerance
        (a row that is not judged is within if we have it).
    """
    whole = official().query("layer == 'all'")
    epochs: pd.DataFrame = results.epochs.filter(f"epoch IN {EPOCHS}").df()
    for name, definition in FIELDS.items():
        if name not in (*_CELL, "seed", "revisions"):
            epochs = epochs[epochs[name] == _RECIPE.get(name, definition.default)]
    table = _means(whole).merge(_means(epochs), on=_KEY, how="left", suffixes=("_official", ""))
    for name in ("accuracy", "changed"):
        table[f"{name}_difference"] = table[name] - table[f"{name}_official"]
    accuracy, changed = (table[f"{n}_difference"].abs() for n in ("accuracy", "changed"))
    one_seed = table["n_official"] == 1
    table["judged"] = ~one_seed | (table["epoch"] == EPOCHS[-1])
    within = (accuracy <= TOLERANCE[0]) & (changed <= TOLERANCE[1])  # false for nan
    within = within.where(~one_seed, accuracy <= TOLERANCE_ONE_SEED) | (
        ~table["judged"] & table["n"].gt(0)
    )
    table = table.rename(
        columns={
            "n": "seeds",
            "n_official": "official_seeds",
            "accuracy_official": "official_accuracy",
            "changed_official": "official_changed",
        }
    )
    table["seeds"] = table["seeds"].fillna(0).astype(int)
    ranks = {name: i for i, name in enumerate([*_METHODS.values(), *_WEIGHTS.values()])}
    return table.assign(within=within).sort_values(
        ["method", "weights", "positive_fraction", "epoch"],
        key=lambda column: column.map(ranks) if column.name in ("method", "weights") else column,
        ignore_index=True,
    )


def _means(rows: pd.DataFrame) -> pd.DataFrame:
    """Return means over seeds at the compared epochs, in percent; nan if a value is nan."""
    groups = rows[rows["epoch"].isin(EPOCHS)].groupby(_KEY, sort=False)
    means = groups[["test_accuracy", "changed"]].mean(skipna=False) * 100
    return means.assign(n=groups.size()).reset_index().rename(columns={"test_accuracy": "accuracy"})


def as_text(table: pd.DataFrame) -> str:
    """Return the comparison as an aligned Markdown table."""
    heads = ["method", "weights", "p+", "epoch", "seeds", "accuracy", "official", "difference"]
    heads += ["changed", "official", "difference", "within"]
    lines = [heads]
    for _, row in table.iterrows():
        figures = [
            number(row[name.format(measure)], 2, sign="difference" in name)
            for measure in ("accuracy", "changed")
            for name in ("{}", "official_{}", "{}_difference")
        ]
        names = [row["method"], row["weights"], f"{row['positive_fraction']:g}", row["epoch"]]
        seeds = f"{row['seeds']} / {row['official_seeds']}" if row["seeds"] else MISSING
        within = "yes" if row["within"] else "NO" if row["seeds"] else "MISSING"
        if row["seeds"] and row["official_seeds"] == 1:  # only its accuracy is judged
            within = f"{within}, accuracy" if row["judged"] else "not judged"
        lines.append([str(value) for value in (*names, seeds, *figures, within)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    rule = [w * "-" if i < 2 else (w - 1) * "-" + ":" for i, w in enumerate(widths)]
    lines.insert(1, rule)
    return "\n".join(f"| {' | '.join(_aligned(line, widths))} |" for line in lines)


def _aligned(line: list[str], widths: list[int]) -> list[str]:
    """Align names to the left and numbers to the right."""
    padded = zip(line, widths, strict=True)
    return [v.ljust(w) if i < 2 else v.rjust(w) for i, (v, w) in enumerate(padded)]


def main(arguments: Sequence[str]) -> int:
    """Print the comparison for the results at these URIs.

    Returns:
        0: all within tolerance; 1: a configuration is missing or outside; 2: a usage error.
    """
    try:
        results = load(arguments)
        table = compare(results)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    print(as_text(table))
    for line in results.left_out:
        print(line)
    print(_conclusion(table))
    return 0 if table["within"].all() else 1


def _conclusion(table: pd.DataFrame) -> str:
    rule = (
        f"Accuracy and changed connections are in %. The tolerances are {TOLERANCE[0]:g} and "
        f"{TOLERANCE[1]:g} points; {TOLERANCE_ONE_SEED:g} for the last accuracy alone if the "
        "reference has a single seed."
    )
    judged = table[table["judged"]]
    counts = f"{judged['within'].sum()} of {len(judged)} judged rows are within tolerance"
    missing = (table["seeds"] == 0).sum()
    return f"{rule} {counts}" + (f"; {missing} are missing." if missing else ".")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

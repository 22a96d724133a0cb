"""Rows made by hand for verdicts: final figures as functions of the trial, and a judge."""

import itertools

import numpy as np

import analysis
from analysis.verdicts import verdicts
from analysis.verdicts.claims import every_claim

#: The floor under a rival, at 30%.
LINEAR = {"network": "linear", "method": "dense"}
#: A tuning seed of its own for each of 15 seeds.
NESTED = {"tuning_seeds": list(range(101, 116))}


def densities(*values, **more):
    """Grids of free pruning and of edge-popup at some densities."""
    return [{"method": "free-pruning"}, {"method": "edge-popup", "density": [*values], **more}]


def named(study, name):
    """The study under another name."""
    return study.model_copy(update={"name": name})


def on(loaded, claim):
    """The verdicts on a claim."""
    return verdicts(loaded, tuple(one for one in every_claim() if one.id == claim))


def noise(trial, size=0.001):
    """A difference between trials of a seed that is the same in every run."""
    return size * np.random.default_rng(int(trial.trial_id, 16)).normal()


def final(accuracy, changed=0.1, **more):
    """Final figures from a function of the trial; softmax regression at 30%."""

    def figures(trial):
        if trial.network == "linear":
            return {"test_accuracy": 0.3, "changed": 0.0}
        given = accuracy(trial)
        given = given if isinstance(given, dict) else {"test_accuracy": given}
        return {"changed": changed, **given, **more}

    return figures


def judge_with(study, record_in, tmp_path):
    """Return a function that judges a claim for a study made by hand.

    The study has 15 seeds, a floor and a margin of 0.5 points, unless others are given.
    """
    numbers = itertools.count()

    def run(figures, claim, grids, **given):
        given = {"margin": 0.5, "seeds": 15, "dataset": "cifar10", "method": "dense", **given}
        only = given.pop("only", lambda trial: True)
        asked = study(grids=[*grids, LINEAR], **given)
        folder = tmp_path / str(next(numbers))  # a study beside it would make its seeds known
        return on(analysis.load(record_in(folder, asked, figures, only)), claim)

    return run

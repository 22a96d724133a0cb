"""The shipped studies: all can be run, and recorded definitions and their results stay valid."""

import pytest

from orchestrator import plan
from studies import tuned
from studies.study import LIBRARY, find, read, shipped

#: Literal: results that were recorded with a definition are found by its hash.
UNCHANGED = {
    "activations": "0ed035c3302a",
    "binary-lenet": "06468f1a02da",
    "controls-digits": "901f65aec882",
    "controls-mnist": "81099dfda3d0",
    "digits": "329d672a1c3e",
    "effective-size-digits": "2c54c5027a97",
    "effective-size-mnist": "afe00903b73d",
    "hidden-threshold": "e7557339a1d6",
    "lenet-mnist": "2f3a8739a410",
    "lenet-mnist-signs": "4ddfd83438e1",
    "masks-digits": "e20a48a0e6dc",
    "masks-mnist": "e0ce1a3ce4c4",
    "pieces-cifar10": "25d1ac413bb6",
    "pieces-digits": "5aa8f512e346",
    "pruners": "2fec181148ea",
    "random-labels-digits": "f18729e58e91",
    "random-labels-mnist": "ebdc97374a3a",
    "rescaling": "f9d08547b5a5",
    "smoke": "ba4b623d82e2",
    "thresholds-digits": "7c3d3844a7ed",
    "transfer-digits": "677592ca82ca",
    "transfer-mnist": "be028ec42c15",
    "widths": "b475426cc8a8",
}
OLDER = {
    "asymmetry": "1077561639c1",
    "binary": "535833623c0b",
    "paper-conv": "57c2e07533b8",
    "paper-lenet": "cd49a9640e57",
    "paper-resnet": "baab8bd36b68",
    "thresholds": "209b38a353f5",
    "thresholds-conv": "20adbdb2ddcc",
    "tuned-recipes": "b2ce43926ad5",
}
DECIDING = (
    "threshold-mnist",
    "densities-mnist",
    "start-mnist",
    "paper-lenet",
    "rivals-mnist",
    "rivals-digits",
    "threshold-conv2",
)


def test_definitions_that_were_recorded_keep_their_hash():
    assert {name: find(name).definition_hash for name in UNCHANGED} == UNCHANGED
    older = {path.stem: read(path).definition_hash for path in (LIBRARY / "older").glob("*.yaml")}
    assert older == OLDER


def test_older_definitions_are_found_by_their_path_only():
    assert "thresholds" not in shipped()
    study = find(str(LIBRARY / "older" / "thresholds.yaml"))
    assert (study.name, study.seeds, len(plan.check(study))) == ("thresholds", 15, 1320)


@pytest.mark.parametrize("path", sorted(LIBRARY.glob("**/*.yaml")), ids=lambda path: path.stem)
def test_every_trial_can_be_run(path):
    trials = plan.check(tuned.expected(read(path)))
    assert len({trial.trial_id for trial in trials}) == len(trials) > 0


@pytest.mark.parametrize("name", DECIDING)
def test_a_deciding_study_uses_fresh_seeds_and_has_a_floor(name):
    study = find(name)
    assert study.margin == {"threshold-conv2": 1.0, "rivals-digits": 0.5}.get(name, 0.2)
    assert min(study.confirmatory_seeds) == {"densities-mnist": 1016}.get(name, 1001)
    fresh = [t for t in tuned.expected(study).trials() if t.seed in study.confirmatory_seeds]
    floor = {t.seed for t in fresh if (t.network, t.method) == ("linear", "dense")}
    assert floor == set(study.confirmatory_seeds)


def test_each_seed_of_threshold_mnist_is_tuned_on_a_seed_of_its_own():
    study = find("threshold-mnist")
    pairs = {seed: study.tuning_seeds_of(seed) for seed in study.confirmatory_seeds}
    assert pairs == {1000 + n: [2000 + n] for n in range(1, 16)}
    assert find("threshold-conv2").tuning_seeds_of(1008) == [2001]


def test_densities_mnist_shares_no_seed_with_the_study_before_it():
    before, further = (find(name) for name in ("threshold-mnist", "densities-mnist"))
    seeds = [{*one.confirmatory_seeds, *one.all_tuning_seeds} for one in (before, further)]
    assert [len(of_study) for of_study in seeds] == [30, 30]
    assert not seeds[0] & seeds[1]


@pytest.mark.parametrize("name", ["threshold-mnist", "densities-mnist", "threshold-conv2"])
def test_both_sides_of_a_threshold_comparison_are_tuned_alike(name):
    study = find(name)
    by_method = {}
    for trial in study.trials():
        if trial.seed in study.all_tuning_seeds:
            recipe = (trial.optimizer, trial.batch_size, trial.epochs, trial.schedule)
            rates = by_method.setdefault(trial.method, {}).setdefault(recipe, set())
            rates.add(trial.learning_rate)
    for free, with_density in (
        ("free-pruning", "edge-popup"),
        ("free-flipping", "edge-popup-flipping"),
    ):
        if with_density in by_method:
            assert by_method[free] == by_method[with_density]


def test_the_authors_rates_are_those_of_their_table():
    rates = {
        (t.network, t.method): t.learning_rate
        for t in find("paper-conv").trials()
        if t.network != "linear"
    }
    pruning = dict.fromkeys(("free-pruning", "minimal-pruning"), 3e-3)
    flipping = dict.fromkeys(("free-flipping", "minimal-flipping"), 5e-4)
    for network, dense in (("conv2", 2e-4), ("conv4", 3e-4), ("conv6", 3e-4)):
        expected = {"dense": dense} | pruning | flipping
        assert {m: rates[network, m] for m in expected} == expected
    for name in ("paper-lenet", "paper-lenet-long"):
        assert {(t.learning_rate, t.batch_size) for t in find(name).trials()} == {(1e-3, 25)}
    for name in ("paper-lenet", "paper-lenet-long", "paper-conv"):
        kinds = {(t.method, t.rescaling) for t in find(name).trials()}
        assert {k for m, k in kinds if m.endswith("-pruning")} == {"dynamic", "none"}
    fractions = {t.positive_fraction for t in find("asymmetry").trials()}
    assert fractions > {0.001, 0.01, 0.02, 0.05, 0.95, 0.98, 0.99, 0.999, 1.0}
    assert {t.batch_size for t in find("paper-resnet").trials()} == {64}

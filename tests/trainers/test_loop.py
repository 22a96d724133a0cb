import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from studies.errors import UserError
from studies.schemas import science
from studies.trial import Trial
from trainers import check, registry
from trainers.batches import Batches
from trainers.loop import train
from trainers.methods import load
from trainers.networks import build
from trainers.packs import assemble
from trainers.recording import Keep, Recorder

METHODS = ["dense", "free-pruning", "free-flipping", "minimal-pruning", "minimal-flipping"]
METHODS += ["maximal-pruning"]


def records(trials, data, trial=None):
    recorded = trial or trials[0]
    return [r for r in train(trials, data) if r.trial == recorded]


def figures(found):
    """Everything of a trial's records that must be equal to the bit."""
    epochs = [{k: v for k, v in r.epoch.items() if k in science("epochs")} for r in found]
    return repr((epochs, [list(r.layers) for r in found], found[-1].final))


@pytest.mark.parametrize("method", METHODS)
def test_it_learns_and_records_every_epoch(method, trial, digits):
    given = trial(method, network="lenet-300-100", epochs=5)
    found = records([given], digits)
    assert [r.epoch["epoch"] for r in found] == [0, 1, 2, 3, 4, 5]
    assert found[0].epoch["test_accuracy"] < 0.3
    assert found[-1].epoch["test_accuracy"] > 0.9
    assert [r.final is None for r in found] == [True] * 5 + [False]
    assert found[-1].final["outcome"] == "completed"
    assert found[0].epoch["changed"] == 0
    assert (found[-1].epoch["changed"] > 0) == (method != "dense")


@pytest.mark.parametrize("method", METHODS)
def test_what_is_recorded_is_consistent(method, trial, digits):
    found = records([trial(method)], digits)
    for record in found:
        mask = changed = 0
        for row in record.layers:
            for what in ("mask", "effective"):
                kinds = [row[f"{what}_{kind}"] for kind in ("negative", "zero", "positive")]
                assert sum(kinds) == row["connections"]
            changed += row["mask_negative"] + row["mask_zero"]
            mask -= (row["mask_positive"] - row["mask_negative"]) / row["connections"]
        assert record.epoch["changed"] == changed / sum(r["connections"] for r in record.layers)
        extreme = {"minimal": 1, "maximal": -1}.get(method.split("-")[0], 0)
        assert record.epoch["penalty_loss"] == pytest.approx(extreme * mask, rel=1e-6)
    final = found[-1].final
    assert final["classes"] == 10
    correct = np.unpackbits(np.frombuffer(final["test_correct"], np.uint8))[: final["test_images"]]
    assert correct.mean() == final["test_accuracy"] == found[-1].epoch["test_accuracy"]


def test_softmax_regression_learns(trial, digits):
    found = records([trial("dense", network="linear", epochs=20)], digits)
    assert [row["layer_name"] for row in found[-1].layers] == ["fc1"]
    assert found[0].epoch["test_accuracy"] < 0.3
    assert found[-1].epoch["test_accuracy"] > 0.9


def test_training_figures_are_running_after_epoch_0_and_full_at_both_ends(trial, digits):
    found = records([trial(epochs=3)], digits)
    full = [r.epoch["train_full_loss"] for r in found]
    assert full[1:3] == [None, None]
    assert full[0] == found[0].epoch["train_loss"]
    assert full[3] < found[3].epoch["train_loss"]  # it got better during the epoch


def test_the_figures_of_an_epoch_are_means_over_its_images(trial, digits):
    """At a rate of nothing, all figures stay those of the start."""
    before, after = records([trial(epochs=1, learning_rate=1e-20)], digits)
    for name in ("train_loss", "train_accuracy"):
        assert after.epoch[name] == pytest.approx(before.epoch[name], rel=1e-6)


def test_masks_are_kept_every_few_epochs_and_at_the_end():
    every_two, last_alone = Keep(masks=True, every=2), Keep(masks=True)
    assert [every_two.keeps_masks(e, last=e == 5) for e in range(6)] == [
        *(True, False, True, False, True),
        True,
    ]
    assert [last_alone.keeps_masks(e, last=e == 2) for e in range(3)] == [False, False, True]
    assert not Keep(every=1).keeps_masks(1, last=True)


@pytest.mark.parametrize(
    "method", ["supermask", "hard-concrete", "continuous-sparsification", "free-pruning"]
)
def test_a_record_leaves_the_weights_of_the_next_step(method, trial, digits):
    given = trial(method)
    pack = assemble([given], build(given, digits.shape, 10), torch.device("cpu"))
    how, batches = load(given), Batches(digits, [given], torch.device("cpu"))
    how.begin(pack, 0, batches)
    before = [layer.effective.detach().clone() for layer in pack.layers]
    list(Recorder(pack, how, [batches], "", Keep()).before_training())
    for layer, effective in zip(pack.layers, before, strict=True):
        assert torch.equal(layer.effective.detach(), effective)


@pytest.mark.parametrize("method", METHODS)
def test_packed_equals_alone_to_the_bit(method, trial, digits):
    trials = [
        trial(method, seed=1),
        trial(method, seed=2, weights="he-constant"),
        trial(method, seed=3, positive_fraction=0.8),
    ]
    packed = list(train(trials, digits))
    for given in trials:
        alone = figures(records([given], digits))
        assert figures([r for r in packed if r.trial == given]) == alone


def test_replicas_with_steps_of_their_own_are_as_alone(trial, digits):
    trials = [trial(adam_epsilon=e, learning_rate=r) for e, r in ((1e-7, 0.01), (0.1, 0.01))]
    trials.append(trial(learning_rate=1e-4))
    packed = list(train(trials, digits))
    ends = [figures([r for r in packed if r.trial == given]) for given in trials]
    assert ends == [figures(records([given], digits)) for given in trials]
    assert len(set(ends)) == 3


def test_a_trial_repeats_to_the_bit_and_another_seed_does_not(trial, digits):
    assert figures(records([trial()], digits)) == figures(records([trial()], digits))
    assert figures(records([trial()], digits)) != figures(records([trial(seed=2)], digits))


def test_methods_start_from_the_same_network(trial, digits):
    starts = {records([trial(m)], digits)[0].epoch["test_loss"] for m in METHODS}
    assert len(starts) == 1


def test_a_network_that_no_input_can_move_is_dead(trial, digits):
    # All weights negative: the second ReLU layer gives zeros, and so do all logits.
    found = records([trial("dense", positive_fraction=0.0)], digits)
    assert found[-1].final["outcome"] == "dead"
    assert found[-1].final["last_epoch"] == 2
    assert found[-1].epoch["test_loss"] == pytest.approx(math.log(10), rel=1e-6)


def test_a_training_that_is_no_longer_finite_has_diverged(trial, digits):
    found = records([trial("dense", learning_rate=1e30, epochs=5)], digits)
    assert found[-1].final["outcome"] == "diverged"
    assert found[-1].final["last_epoch"] == 1
    assert len(found) == 2


def test_scores_that_are_no_longer_finite_have_diverged_although_the_loss_is(trial, digits):
    found = records([trial("free-pruning", learning_rate=1e38, epochs=5)], digits)
    assert math.isfinite(found[-1].final["test_loss"])
    assert found[-1].final["outcome"] == "diverged"
    assert found[-1].final["last_epoch"] == 1


def test_what_has_diverged_is_not_dead_although_it_answers_all_images_alike(trial, digits):
    given = trial("free-pruning")
    pack = assemble([given], build(given, digits.shape, 10), torch.device("cpu"))
    how, batches = load(given), Batches(digits, [given], torch.device("cpu"))
    how.begin(pack, 0, batches)
    for layer in pack.layers:
        layer.trained.detach().fill_(math.nan)
        layer.effective.detach().zero_()
    (record,) = Recorder(pack, how, [batches], "", Keep()).before_training()
    assert math.isfinite(record.final["test_loss"])
    assert record.final["outcome"] == "diverged"


def test_a_diverged_trial_does_not_hold_up_its_pack(trial, digits):
    # Without weights' signs alone a seed rarely diverges; a pack of two rates would have two keys,
    # so both diverge here, and each is recorded once.
    trials = [trial("dense", learning_rate=1e30, seed=s, epochs=3) for s in (1, 2)]
    found = list(train(trials, digits))
    assert [r.trial.seed for r in found if r.final] == [1, 2]


def test_no_epochs_record_the_untrained_network(trial, digits):
    (only,) = records([trial(epochs=0)], digits)
    assert only.epoch["epoch"] == 0
    assert only.final["outcome"] == "completed"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "free-prunning"}, "unknown method 'free-prunning'; did you mean free-pruning"),
        ({"weights": "he-norml"}, "unknown weights 'he-norml'; did you mean he-normal"),
        ({"dataset": "mnits"}, "unknown dataset 'mnits'; did you mean mnist"),
        ({"network": "lenet300"}, "unknown network 'lenet300'; did you mean lenet-300-100"),
        ({"activation": "rellu"}, "unknown activation 'rellu'; did you mean relu"),
        ({"penalty": 2.0}, "penalty: 2.0 is given, but the method free-pruning does not use it"),
        ({"method": "dense", "score_low": 0.0}, "score_low: 0.0 is given, but the method dense"),
        ({"score_low": 0.2}, "score_low: 0.2 is above score_high: 0.1"),
        ({"density": 0.5}, "density: 0.5 is given, but the method free-pruning does not use it"),
        ({"method": "free-flipping", "rescaling": "dynamic"}, "rescaling: 'dynamic' is given, but"),
        ({"score_offset": 0.3, "score_low": 0.0}, "score_low: 0.0 is given with a score_offset"),
        ({"score_offset": 0.3, "score_high": 0.01}, "score_low: 0.01 is not below score_high"),
        ({"weights": "lognormal(sigma=2,sigma=3)"}, "gives a parameter twice; give it once"),
        ({"dataset": "folder:"}, "unknown dataset 'folder:'"),
        ({"dataset": "folder"}, "unknown dataset 'folder'; did you mean folder:PATH"),
        ({"dataset": "folder(size=0):x"}, "size '0' is not a whole number from 1 to 4096"),
        ({"dataset": "s3://bucket/x"}, "unknown dataset 's3://bucket/x'"),
    ],
)
def test_trials_that_are_refused(change, message, trial):
    with pytest.raises(UserError) as error:
        check(replace(trial(), **change))
    assert message in str(error.value)


def test_images_of_ones_own_cannot_take_a_built_in_name(trial):
    with pytest.raises(
        UserError, match="mnist is a built-in data set, and folder:/pets is another"
    ):
        check(trial(dataset="mnist"), {"mnist": "folder:/pets"})
    check(trial(dataset="pets"), {"pets": "folder:/pets"})


@pytest.fixture
def needs_density(tmp_path, monkeypatch):
    """A method that needs a density, from another package."""
    (tmp_path / "foreign_density.py").write_text('READS = ("density",)')
    about = tmp_path / "foreign-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[untuned.methods]\ntuned = foreign_density\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.forget()
    yield
    registry.forget()


@pytest.mark.usefixtures("needs_density")
def test_a_density_is_wanted_where_one_is_needed(trial):
    with pytest.raises(UserError, match="density: the method tuned needs one from 1e-06 to 1"):
        check(trial("tuned"))
    check(trial("tuned", density=0.5))
    with pytest.raises(UserError, match=r"density: 0.5 is given, .* use one of: .*tuned"):
        check(trial("dense", density=0.5))


def test_checking_needs_no_torch():
    code = (
        "import sys; from studies import Trial; import trainers;"
        "trainers.check(Trial(network='lenet-300-100', dataset='mnist', method='minimal-pruning',"
        " weights='he-normal', seed=1, epochs=1, penalty=2.0));"
        "assert not {'torch', 'ray', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


ROUNDS = '''
"""One-shot magnitude pruning, in two rounds: a method from somebody else's package."""
import torch
from trainers.methods import Method

READS = ("penalty",)
REVISION = 2


class OneShot(Method):
    def rounds(self, trial):
        return (1, trial.epochs - 1)

    def begin(self, pack, number, batches):
        super().begin(pack, number, batches)
        if number == 1:
            for layer in pack.layers:
                size = layer.trained.abs()
                layer.mask = (size >= size.flatten(1).median(dim=1).values[:, None, None]).float()
                layer.trained.mul_(layer.mask)

    def gradient(self, pack, layer, gradient):
        return gradient if layer.mask is None else gradient * layer.mask


METHOD = OneShot()
'''


@pytest.fixture
def foreign_method(tmp_path, monkeypatch):
    """An installed package that adds the method one-shot through an entry point."""
    (tmp_path / "foreign_one_shot.py").write_text(ROUNDS)
    about = tmp_path / "foreign-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[untuned.methods]\none-shot = foreign_one_shot\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.forget()
    yield
    registry.forget()


@pytest.mark.usefixtures("foreign_method")
def test_a_foreign_method_with_rounds_trains_weights_under_a_mask(trial, digits):
    given = check(trial("one-shot", epochs=3, penalty=2.0))
    assert given.revisions == "one-shot=2"
    assert given.trial_id != Trial(**trial("one-shot", epochs=3, penalty=2.0).values()).trial_id
    found = records([given], digits)
    changed = [record.epoch["changed"] for record in found]
    assert changed[:2] == [0, 0]
    assert changed[2:] == [pytest.approx(0.5, abs=0.01)] * 2
    assert [row["effective_zero"] for row in found[3].layers] == [
        row["mask_zero"] for row in found[3].layers
    ]


def test_an_axis_of_length_one_may_have_any_stride(trial, digits):
    """A convolution picks its memory format by the strides, and its sums would differ."""
    given = [trial(network="resnet8", epochs=0)]
    n, _, *after = digits.images["test"].strides
    images = {
        split: np.lib.stride_tricks.as_strided(array, array.shape, (n, 1, *after))
        for split, array in digits.images.items()
    }
    (expected,) = train(given, digits)
    (found,) = train(given, replace(digits, images=images))
    names = ("test_loss", "validation_loss", "train_full_loss")
    assert [found.epoch[name] for name in names] == [expected.epoch[name] for name in names]

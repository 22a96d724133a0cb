"""Trials in stages and controls of the data: sources, output layers alone, labels, orders."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from checkpoint_support import Memory

from studies.errors import UserError
from studies.schemas import science
from trainers import check, datasets, methods, networks, packs, randomness, registry
from trainers.batches import Batches
from trainers.loop import train
from trainers.recording import Keep

MASKS = Keep(masks=True)
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def halves():
    names = ("digits-0-4", "digits-5-9")
    return [datasets.load(name, datasets.Place(name, Path())) for name in names]


def bits(record):
    return [np.unpackbits(np.frombuffer(row["kept"], np.uint8)) for row in record.masks]


def last(trial, data, **options):
    return list(train([trial], data, **options))[-1]


def figures(records):
    names = {*science("epochs")} - {"trial_id"}
    return [{k: v for k, v in r.epoch.items() if k in names} for r in records]


def test_the_first_stage_is_the_training_on_the_source(trial, halves):
    source, data = halves
    alone = list(train([trial(dataset="digits-0-4")], source))
    staged = trial(dataset="digits-5-9", source="digits-0-4")
    both = list(train([staged], data, source=source))
    full = {"train_full_loss", "train_full_accuracy"}  # taken after the last epoch alone
    before, learned = figures(both)[:3], figures(alone)
    assert [{k: v for k, v in row.items() if k not in full} for row in before] == [
        {k: v for k, v in row.items() if k not in full} for row in learned
    ]
    assert [r.epoch["epoch"] for r in both] == [0, 1, 2, 3, 4]
    assert both[-1].final["test_images"] == len(data.labels["test"])
    assert both[-1].final["source_fingerprint"] == source.fingerprint
    assert both[-1].final["dataset_fingerprint"] == data.fingerprint


@pytest.mark.parametrize("layers", ["all", "output"])
@pytest.mark.parametrize("records", [2, 3, 4])  # on the source, at its end, on the data set
def test_one_that_was_stopped_goes_on_to_the_same_bits(layers, records, trial, halves):
    source, data = halves
    staged = trial(dataset="digits-5-9", source="digits-0-4", trained_layers=layers)
    options = {"source": source, "keep": Keep(masks=True, every=1)}
    whole = list(train([staged], data, **options))
    keeper = Memory()
    training = train([staged], data, checkpoint_store=keeper, **options)
    for _ in range(records):
        next(training)
    training.close()
    again = Memory(keeper.content)
    found = list(train([staged], data, checkpoint_store=again, **options))
    assert again.continued_from == records - 1
    assert figures(found) == figures(whole)
    assert [list(r.masks) for r in found] == [list(r.masks) for r in whole]
    assert all(r.masks for r in found)


def test_one_that_diverges_on_its_source_is_a_trial_of_its_data_set(trial, halves):
    source, data = halves
    staged = trial("dense", dataset="digits-5-9", source="digits-0-4", learning_rate=1e30)
    final = list(train([staged], data, source=source))[-1].final
    assert (final["outcome"], final["last_epoch"]) == ("diverged", 1)
    assert final["dataset_fingerprint"] == data.fingerprint
    assert final["source_fingerprint"] == source.fingerprint


@pytest.mark.parametrize("method", ["free-pruning", "minimal-flipping"])
def test_only_the_output_layers_mask_moves_on_the_target(method, trial, halves):
    source, data = halves
    learned = last(trial(method, dataset="digits-0-4", epochs=5), source, keep=MASKS)
    about = {"dataset": "digits-5-9", "source": "digits-0-4", "epochs": 5}
    moved = last(trial(method, **about, trained_layers="output"), data, source=source, keep=MASKS)
    free = last(trial(method, **about), data, source=source, keep=MASKS)
    for index, (ours, theirs) in enumerate(zip(bits(moved), bits(learned), strict=True)):
        assert (ours == theirs).all() == (index < 2)
    assert not (bits(free)[0] == bits(learned)[0]).all()


@pytest.mark.parametrize("method", ["dense", "free-pruning", "supermask", "snip"])
def test_an_output_layer_that_is_trained_alone_starts_anew(method, trial, halves):
    density = {"density": 0.5} if method == "snip" else {}
    about = {"dataset": "digits-5-9", "source": "digits-0-4", "trained_layers": "output"}
    given = trial(method, **about, **density)
    network = networks.build(given, halves[1].shape, 5)
    pack, chosen = packs.assemble([given], network, CPU), methods.load(given)
    source, target = (Batches(data, [given], CPU) for data in halves)
    chosen.begin(pack, 0, source)
    start = [layer.trained.clone() for layer in pack.layers]
    for layer in pack.layers:
        layer.trained.add_(0.5)
        chosen.rebuild(pack, layer)
    moved = [layer.trained.clone() for layer in pack.layers]
    masks = [chosen.mask(pack, layer) for layer in pack.layers]
    pack.round = 1
    chosen.begin(pack, 1, target)
    *hidden, output = pack.layers
    for layer, trained, mask in zip(hidden, moved, masks, strict=False):
        assert torch.equal(layer.trained, trained)
        assert torch.equal(chosen.mask(pack, layer), mask)
    if method != "snip":  # whose mask of the output layer is chosen anew, from the target's images
        assert torch.equal(output.trained, start[-1])
    assert not torch.equal(output.trained, moved[-1])


@pytest.mark.parametrize("method", ["dense", "free-flipping", "supermask"])
def test_without_a_source_hidden_layers_stay_as_they_are_drawn(method, trial, digits):
    alone = trial(method, trained_layers="output")
    network = networks.build(alone, digits.shape, digits.classes)
    pack = packs.assemble([alone], network, CPU)
    batches = Batches(digits, [alone], CPU)
    chosen = methods.load(alone)
    from trainers import engines

    chosen.begin(pack, 0, batches)
    engine = engines.start(pack, chosen, 10)
    before = [layer.trained.clone() for layer in pack.layers]
    for _, batch in zip(range(10), batches.training(1), strict=False):
        engine.step(*batch)
    same = [torch.equal(a, b.trained) for a, b in zip(before, pack.layers, strict=True)]
    assert same == [True, True, False]


def test_permuted_labels_are_the_same_labels_in_another_place(trial, digits):
    given, permuted = (
        Batches(digits, [trial(labels=labels)], CPU) for labels in ("given", "permuted")
    )
    _, one = next(given.evaluation("train", 2000))
    _, other = next(permuted.evaluation("train", 2000))
    assert torch.equal(one[0].bincount(), other[0].bincount())
    assert 0.05 < (one == other).double().mean() < 0.15  # a tenth by chance
    for split in ("validation", "test"):
        pair = [next(b.evaluation(split, 2000))[1] for b in (given, permuted)]
        assert torch.equal(*pair)


def test_labels_are_permuted_by_the_seed_and_not_by_that_of_the_order(trial, digits):
    labels = [
        next(Batches(digits, [trial(labels="permuted", **own)], CPU).evaluation("train", 2000))[1]
        for own in ({}, {"order_seed": 9}, {"seed": 9})
    ]
    assert torch.equal(labels[0], labels[1])
    assert not torch.equal(labels[0], labels[2])


def test_every_epoch_has_an_order_of_its_own(trial, digits):
    batches = Batches(digits, [trial(batch_size=2000)], CPU)
    orders = [next(batches.training(epoch)) for epoch in (1, 2, 1)]
    assert not torch.equal(orders[0][1], orders[1][1])
    assert torch.equal(orders[0][1], orders[2][1])
    assert torch.equal(orders[0][1].sort().values, orders[1][1].sort().values)


def test_a_pack_deals_each_replica_its_own_labels(trial, digits):
    trials = [trial(seed=s, labels="permuted", epochs=1) for s in (1, 2)]
    together = list(train(trials, digits))
    for one in trials:
        alone = list(train([one], digits))
        assert figures(alone) == figures([r for r in together if r.trial == one])


def test_an_image_keeps_its_label_in_training(trial, digits):
    permuted = trial(labels="permuted")
    batches = Batches(digits, [permuted], CPU)
    images, labels = next(batches.evaluation("train", 2000))
    label_of = {
        image.numpy().tobytes(): int(y) for image, y in zip(images[0], labels[0], strict=True)
    }
    for x, y in batches.training(1):
        for image, label in zip(x[0], y[0], strict=True):
            assert label_of[image.numpy().tobytes()] == int(label)


def test_another_rounding_moves_images_within_their_batch_alone(trial, digits):
    plain, moved = (Batches(digits, [trial(rounding=k, augmentation="shift")], CPU) for k in (0, 7))
    differ = 0
    for (x, y), (a, b) in zip(plain.training(1), moved.training(1), strict=True):
        ours, theirs = (sorted(i.numpy().tobytes() for i in images[0]) for images in (x, a))
        assert ours == theirs
        assert torch.equal(y[0].sort().values, b[0].sort().values)
        differ += not torch.equal(x, a)
    assert differ > 10


def test_score_and_order_seeds_change_what_they_say(trial, digits):
    own = trial()
    others = {"score_seed": 9, "order_seed": 9}
    shape = networks.build(own, digits.shape, digits.classes).layers[0]
    pack = packs.assemble([own], networks.build(own, digits.shape, 10), CPU)
    starts = [
        methods.load(t).initial_scores(t, pack.layers[0])
        for seed in (9, 0)  # 0 is a seed like any other
        for t in (own, replace(own, score_seed=seed), replace(own, seed=seed))
    ]
    assert shape.name == "fc1"
    for at_own, at_score, at_seed in (starts[:3], starts[3:]):
        assert not torch.equal(at_own, at_score)
        assert torch.equal(at_score, at_seed)
    orders = [
        next(Batches(digits, [t], CPU).training(1))[1]
        for seed in (9, 0)
        for t in (own, replace(own, order_seed=seed), replace(own, seed=seed))
    ]
    for at_own, at_order, at_seed in (orders[:3], orders[3:]):
        assert not torch.equal(at_own, at_order)
        assert torch.equal(at_order, at_seed)
    together = list(train([own, *(replace(own, **{k: v}) for k, v in others.items())], digits))
    alone = list(train([own], digits))
    assert figures(alone) == figures([r for r in together if r.trial == own])


def test_the_streams_of_the_controls_are_frozen():
    assert {"labels": 7, "rounding": 8, "control": 9}.items() <= randomness.STREAMS.items()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"source": "digits"}, "source: digits is the data set itself"),
        ({"source": "digit"}, "unknown dataset 'digit'"),
        (
            {"source": "mnist", "method": "lottery-ticket", "density": 0.5},
            "source: mnist is given, but the training of the method lottery-ticket has several",
        ),
        ({"labels": "random"}, "unknown labels 'random'"),
        ({"trained_layers": "hidden"}, "unknown trained_layers 'hidden'"),
        (
            {"trained_layers": "output", "network": "resnet8", "affine": True},
            "affine: true is given with trained_layers: output",
        ),
        (
            {"trained_layers": "output", "optimizer": "sgd", "weight_decay": 0.1},
            "weight_decay: 0.1 is given with trained_layers: output",
        ),
        (
            {"trained_layers": "output", "optimizer": "sgd", "decoupled_decay": 0.1},
            "decoupled_decay: 0.1 is given with trained_layers: output",
        ),
        (
            {"trained_layers": "output", "method": "edge-popup(global)", "density": 0.5},
            "trained_layers: output is given, but the method edge-popup(global) ranks all layers",
        ),
        ({"method": "frozen", "trained_layers": "output"}, "makes no difference to the method"),
        ({"method": "dense", "score_seed": 3}, "the method dense does not use it"),
    ],
)
def test_what_makes_no_sense_is_refused(values, message, trial):
    with pytest.raises(UserError, match=re.escape(message)):
        check(trial(**values))


@pytest.fixture
def mended(tmp_path, monkeypatch):
    """Two data sets from another package, of which one has revision 3."""
    (tmp_path / "foreign_old.py").write_text("REVISION = 3")
    (tmp_path / "foreign_new.py").write_text("")
    about = tmp_path / "foreign-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: foreign\nVersion: 1.0\n")
    points = "[untuned.datasets]\nold = foreign_old\nnew = foreign_new\n"
    (about / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(tmp_path))
    registry.forget()
    yield
    registry.forget()


@pytest.mark.usefixtures("mended")
def test_a_trial_carries_the_revision_of_its_source(trial):
    def revisions(**values):
        return check(trial(**values)).revisions

    assert revisions(dataset="new", source="digits") == ""
    assert revisions(dataset="old") == revisions(dataset="old", source="new") == "old=3"
    assert revisions(dataset="new", source="old") == "source:old=3"
    assert check(trial(dataset="new", source="mine"), {"mine": "folder:/x"}).revisions == ""
    given = trial(dataset="new", source="old")
    assert check(given).trial_id != given.trial_id


def test_no_shipped_data_set_has_a_revision_that_would_change_ids():
    assert {component.revision for component in registry.components("dataset")} == {1}

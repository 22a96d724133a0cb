import pytest

from orchestrator.estimate import Cost, Extent, estimate
from studies.trial import Trial
from trainers.datasets import Place

ABOUT = {"dataset": "digits", "method": "dense", "weights": "he-normal", "seed": 1}


def test_the_cost_of_a_trial_by_hand():
    extent = Extent((1, 8, 8), 10, training=100, evaluation=50)
    # 4 steps an epoch; 11 evaluations of 50 images and two of the 100 training images
    assert Cost(start=3, step=0.5, image=0.01).of(10, 30, extent) == 3 + 20 + 7.5


def test_more_of_it_takes_longer(tmp_path):
    places = {"digits": Place("digits", tmp_path)}
    small = [Trial(**ABOUT, network="lenet-300-100", epochs=10)]
    large = [Trial(**ABOUT | {"seed": s}, network="lenet-300-100", epochs=100) for s in range(10)]
    one, many = (estimate(trials, places, "cpu") for trials in (small, large))
    assert many.seconds > 20 * one.seconds > 0
    assert 2**27 < one.memory < 2**34
    assert one.data == (1294 + 503) * 64


def test_a_lottery_ticket_counts_with_all_its_rounds(tmp_path):
    places = {"digits": Place("digits", tmp_path)}
    about = ABOUT | {"method": "lottery-ticket", "network": "lenet-300-100", "epochs": 40}
    few, many = (
        estimate([Trial(**about, density=d)], places, "cpu").seconds for d in (0.8, 0.8**9)
    )
    assert many > 2 * few  # 10 trainings against 2


def test_a_set_that_is_not_there_is_not_downloaded(tmp_path):
    trial = Trial(**ABOUT | {"dataset": "cifar10"}, network="conv2", width=0.1, epochs=1)
    took = estimate([trial], {"cifar10": Place("cifar10", tmp_path)}, "cpu")
    assert took.data == 60_000 * 3072
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_trial_on_digits_takes_about_what_was_estimated(workers, tmp_path):
    """Loose on purpose: the machine may be busy; a wrong unit or a lost factor shows."""
    from pathlib import Path

    from trainers import datasets
    from trainers.loop import train

    place = Place("digits", Path())
    trial = Trial(**ABOUT, network="lenet-300-100", epochs=10 * workers)
    rows = [r.epoch for r in train([trial], datasets.load("digits", place))]
    measured = sum(row["train_seconds"] + row["evaluation_seconds"] for row in rows)
    estimated = estimate([trial], {"digits": place}, "cpu").seconds
    assert measured / 5 < estimated < measured * 5

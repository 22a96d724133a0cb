from orchestrator.estimate import Cost, Extent, _disk, estimate, kind, total
from studies.store.part_files import encode
from studies.trial import Trial
from trainers.datasets import Place

ABOUT = {"dataset": "digits", "method": "dense", "weights": "he-normal", "seed": 1}


def test_the_cost_of_a_trial_by_hand():
    extent = Extent((1, 8, 8), 10, training=100, evaluation=50)
    # 4 steps an epoch; 11 evaluations of 50 images and two of the 100 training images
    assert Cost(start=3, step=0.5, image=0.01).of(10, 30, extent) == 3 + 20 + 7.5


def test_all_trials_are_added_up_by_hand():
    extent = Extent((1, 8, 8), 10, training=100, evaluation=50)
    trials = [
        Trial(**ABOUT, network="lenet-300-100", epochs=10),
        Trial(**ABOUT | {"seed": 2}, network="lenet-300-100", epochs=100, batch_size=50),
    ]
    slow, fast = Cost(start=3, step=0.5, image=0), Cost(start=1, step=0.25, image=0)
    costs = {kind(trials[0]): slow, kind(trials[1]): fast}
    # 10 epochs of 4 steps, 100 epochs of 2
    assert total(trials, costs, {"digits": extent}) == (3 + 20) + (1 + 50)


def test_the_bytes_on_disk_by_hand():
    """Rows of each epoch, a bit per image that is evaluated, and the footers of the files."""
    extent = Extent((1, 8, 8), 10, training=100, evaluation=80)
    trials = [Trial(**ABOUT | {"seed": n}, network="lenet-16", epochs=4) for n in range(3)]
    costs = {kind(trials[0]): Cost(start=0, step=0, image=0, row_bytes=1000)}
    footers = sum(len(encode(table, [])) for table in ("layers", "epochs", "trials"))
    rows = 3 * (5 * 1000 + 10)  # epoch 0 has rows, too
    for seconds, files in ((5.0, 1.5), (15.0, 2.5), (1e6, 3)):  # one in ten seconds, at most each
        found = _disk(trials, costs, {"digits": extent}, seconds)
        assert found == rows + files * footers


def test_a_lottery_ticket_counts_with_all_its_rounds():
    extent = Extent((1, 8, 8), 10, training=100, evaluation=50)
    about = ABOUT | {"method": "lottery-ticket", "network": "lenet-300-100", "epochs": 40}
    few, many = (Trial(**about, density=d) for d in (0.8, 0.8**9))
    costs = {kind(few): Cost(start=0, step=0.5, image=0)}
    seconds = [total([trial], costs, {"digits": extent}) for trial in (few, many)]
    assert seconds == [2 * 40 * 2, 10 * 40 * 2]  # 2 trainings against 10, 2 seconds an epoch


def test_an_estimate_measures_every_kind_of_trial(tmp_path):
    places = {"digits": Place("digits", tmp_path)}
    trials = [Trial(**ABOUT, network="lenet-300-100", epochs=10)]
    took = estimate(trials, places, "cpu")
    assert took.seconds > 0
    assert 2**27 < took.memory < 2**34
    assert took.data == (1294 + 503) * 64


def test_a_set_that_is_not_there_is_not_downloaded(tmp_path):
    trial = Trial(**ABOUT | {"dataset": "cifar10"}, network="conv2", width=0.1, epochs=1)
    took = estimate([trial], {"cifar10": Place("cifar10", tmp_path)}, "cpu")
    assert took.data == 60_000 * 3072
    assert list(tmp_path.iterdir()) == []

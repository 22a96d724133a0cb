import subprocess
import sys

import pytest

from trainers import devices, pack_size


def test_a_device_is_chosen_by_the_gpus_there_are(monkeypatch):
    monkeypatch.setattr(devices, "gpus", lambda: 2)
    assert [devices.choose(w) for w in ("auto", "cpu", "cuda")] == ["cuda", "cpu", "cuda"]
    monkeypatch.setattr(devices, "gpus", lambda: 0)
    assert [devices.choose(w) for w in ("auto", "cpu", "cuda")] == ["cpu", "cpu", ""]


def test_the_count_of_gpus_is_pytorchs_and_needs_no_pytorch():
    code = (
        "import sys; from trainers import devices; found = devices.gpus();"
        "assert 'torch' not in sys.modules; import torch;"
        "assert found == torch.cuda.device_count(), found"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_pytorch_the_module_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    devices.gpus.cache_clear()
    with pytest.raises(ModuleNotFoundError) as error:
        devices.gpus()
    assert error.value.name == "torch"


@pytest.mark.parametrize(
    ("most", "seconds", "expected"),
    [
        (64, lambda n: 1.0, 64),  # launch-bound: twice as many cost nothing
        (64, lambda n: float(n), 1),  # compute-bound: nothing is gained
        (64, lambda n: max(1.0, n / 16), 16),  # until the device is full
        (100, lambda n: 1.0, 64),
        (64, lambda n: 1.0 if n <= 8 else float("inf"), 8),  # more do not fit
        (64, lambda n: float("inf"), 1),
        (1, lambda n: 1.0, 1),
    ],
)
def test_trials_side_by_side_are_doubled_while_that_gains(most, seconds, expected):
    assert pack_size.best(most, seconds) == expected


def test_no_size_is_timed_twice():
    timed = []
    pack_size.best(8, lambda n: timed.append(n) or 1.0)
    assert timed == [1, 2, 4, 8]

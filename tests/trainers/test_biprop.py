"""Biprop by hand, with x and the label of test_methods.

    W = [[1, -3], [0.5, 0.25]], scores = [[0.05, -0.1], [0.02, 0.07]], x = (1, 2), label 0

At density 1/2 the sizes 0.1 and 0.07 are kept: alpha = (3 + 0.25) / 2 = 1.625
effective = [[0, -1.625], [0, 1.625]], logits (-3.25, 3.25), p = (0.001501, 0.998499)
dL/deffective = 0.998499 [[-1, -2], [1, 2]], times sign(score) W: dL/dscore.
"""

import torch

from studies.trial import Trial
from trainers.engines.autograd import Autograd
from trainers.loop import train
from trainers.methods import Layer, Pack, load
from trainers.networks import LayerShape, Network

WEIGHT = [[1.0, -3.0], [0.5, 0.25]]
SCORES = [[0.05, -0.1], [0.02, 0.07]]
ABOUT = {"network": "lenet-1", "dataset": "digits", "weights": "he-normal", "seed": 1, "epochs": 1}


def begun(density=0.5, **values):
    """A pack of one layer with the scores above, and its method."""
    trial = Trial(**ABOUT, method="biprop", density=density, **values)
    layer = Layer("fc1", torch.tensor([WEIGHT]))
    network = Network((LayerShape("fc1", (2, 2), 2, 2),), lambda w, x, n: x.flatten(2).bmm(w[0].mT))
    pack, how = Pack([trial], network, [layer]), load(trial)
    how.begin(pack, 0, None)
    layer.trained.copy_(torch.tensor([SCORES]))
    how.rebuild(pack, layer)
    return pack, layer, how


def close(actual, expected):
    torch.testing.assert_close(actual.detach(), torch.tensor([expected]), rtol=1e-4, atol=1e-6)


def test_the_kept_have_their_mean_magnitude():
    pack, layer, how = begun()
    close(how.mask(pack, layer), [[0.0, 1.0], [0.0, 1.0]])
    close(layer.effective, [[0.0, -1.625], [0.0, 1.625]])
    _, layer, _ = begun(density=0.75)  # and 0.05: alpha = 4.25 / 3
    close(layer.effective, [[4.25 / 3, -4.25 / 3], [0.0, 4.25 / 3]])


def test_scale_fan_divides_by_the_root_of_the_density():
    _, layer, _ = begun(rescaling="scale-fan")
    close(layer.effective, [[0.0, -1.625 * 2**0.5], [0.0, 1.625 * 2**0.5]])


def test_the_gradient_and_one_step_of_sgd():
    pack, layer, how = begun(optimizer="sgd", learning_rate=1.0)
    images = torch.tensor([1.0, 2.0]).view(1, 1, 1, 1, 2)
    Autograd(pack, how, 1).step(images, torch.tensor([[0]]))
    p = 0.998499
    close(layer.trained, [[0.05 + p, -0.1 + 6 * p], [0.02 - 0.5 * p, 0.07 - 0.5 * p]])


def test_with_weights_of_one_magnitude_it_is_edge_popup(trial, digits):
    values = {"weights": "he-constant", "density": 0.3, "learning_rate": 0.01}
    ours, theirs = (
        list(train([trial(method, **values)], digits))
        for method in ("biprop", "edge-popup-official")
    )
    assert abs(ours[-1].epoch["test_loss"] - theirs[-1].epoch["test_loss"]) < 1e-3
    assert ours[-1].epoch["test_accuracy"] > ours[0].epoch["test_accuracy"]

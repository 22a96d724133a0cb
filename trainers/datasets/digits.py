"""scikit-learn's digits: 1,797 images of 8x8 pixels, 0 to 16 (UCI optdigits' test set).

The images come with scikit-learn, so there is no download. There is no official split: a fixed
fifth is the test set (360 images, so one image is 0.28 points), and 143 others the validation set.
"""

from pathlib import Path

import numpy as np

from trainers.datasets import Source, held_out, tested

SHAPE = (1, 8, 8)
CLASSES = 10
IMAGES = (1_294, 503)


def read(root: Path) -> Source:
    """Return the digits; ``root`` is not used."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = digits.images.astype(np.uint8)[:, None]
    labels = digits.target.astype(np.int64)
    train, test = tested(len(images))
    return Source(
        train_images=images[train],
        train_labels=labels[train],
        test_images=images[test],
        test_labels=labels[test],
        classes=10,
        white=16,
        validation=held_out(len(train)),
    )


def some(first: int, last: int) -> Source:
    """Return the images of some classes, each in the same split as among all classes.

    Args:
        first: the first of the classes, which becomes class 0.
        last: the last of them.
    """
    whole = read(Path())
    train, test = (
        (labels >= first) & (labels <= last) for labels in (whole.train_labels, whole.test_labels)
    )
    held = np.isin(np.arange(len(train)), whole.validation)
    return Source(
        train_images=whole.train_images[train],
        train_labels=whole.train_labels[train] - first,
        test_images=whole.test_images[test],
        test_labels=whole.test_labels[test] - first,
        classes=last - first + 1,
        white=whole.white,
        validation=np.flatnonzero(held[train]),
    )

"""scikit-learn's digits: 1,797 images of 8x8 pixels, 0 to 16 (UCI optdigits' test set).

The images come with scikit-learn, so there is no download. There is no official split: a fixed
fifth is the test set (360 images, so one image is 0.28 points), and 143 others the validation set.
"""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from trainers.datasets import Source, held_out, tested

SHAPE = (1, 8, 8)
CLASSES = 10
IMAGES = (1_294, 503)


def read(root: Path) -> Source:
    """Return the digits; ``root`` is not used."""
    table = _table()
    images, labels = table[:, :-1].reshape(-1, 1, 8, 8), table[:, -1].astype(np.int64)
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


def _table() -> npt.NDArray[np.uint8]:
    """The pixels and the label of each image, uint8 [1797, 65], from scikit-learn's file.

    Importing scikit-learn takes longer than a short trial, so its file is read without that.

    Raises:
        ModuleNotFoundError: scikit-learn is not installed.
    """
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("No module named 'sklearn'", name="sklearn")
    file = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"
    if file.is_file():
        return np.loadtxt(file, dtype=np.uint8, delimiter=",")
    from sklearn.datasets import load_digits  # a version that keeps the file elsewhere

    digits = load_digits()
    return np.column_stack([digits.data, digits.target]).astype(np.uint8)


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

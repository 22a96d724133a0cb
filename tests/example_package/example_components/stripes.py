"""Noisy stripes of 8x8 pixels, horizontal or vertical: two classes, generated in memory."""

from pathlib import Path

import numpy as np

from trainers.datasets import Source, held_out

SHAPE = (1, 8, 8)
CLASSES = 2
IMAGES = (360, 140)  # for training; for evaluation: 40 for validation and 100 for the test


def read(root: Path) -> Source:
    """Return the same five hundred images each time; ``root`` is unused."""
    generator = np.random.default_rng(0)
    labels = generator.integers(2, size=500)
    horizontal = np.tile((np.arange(8) % 2 * 128)[:, None], (1, 8))
    clean = np.where(labels[:, None, None] == 0, horizontal, horizontal.T)
    images = (clean + generator.integers(128, size=clean.shape)).astype(np.uint8)[:, None]
    return Source(
        train_images=images[:400],
        train_labels=labels[:400],
        test_images=images[400:],
        test_labels=labels[400:],
        classes=2,
        white=255,
        validation=held_out(400),
    )

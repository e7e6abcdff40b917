"""core/frechet.py: the distance, and the classifier in whose features it is taken."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from core.data import load_dataset
from core.frechet import features, frechet_distance, load_classifier


def test_the_distance_is_its_definition(generator: torch.Generator) -> None:
    x = torch.randn(200, 5, generator=generator) @ torch.randn(5, 5, generator=generator)
    y = torch.randn(300, 5, generator=generator) + 1
    a, b = (np.cov(part.double().numpy(), rowvar=False) for part in (x, y))
    offset = float((x.double().mean(0) - y.double().mean(0)).square().sum())
    expected = offset + np.trace(a + b - 2 * np.real(sqrtm(a @ b)))
    assert frechet_distance(x, y) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(x, y) == pytest.approx(frechet_distance(y, x), rel=1e-6)
    assert frechet_distance(x, x) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(x, x + 2) == pytest.approx(4 * 5, rel=1e-5)


def test_features_that_never_vary_are_no_trouble() -> None:
    x = torch.zeros(10, 3)
    assert frechet_distance(x, x) == 0
    assert frechet_distance(x, x + 1) == pytest.approx(3)


def test_the_classifier_reads_digits_and_tells_them_from_noise(generator: torch.Generator) -> None:
    classifier = load_classifier("mnist")
    assert classifier is not None
    test = load_dataset("mnist", "test")
    images, labels = test.images[:500], test.labels[:500]
    assert (classifier(images).argmax(1) == labels).float().mean() > 0.98
    real, others = features(classifier, images), features(classifier, test.images[500:1000])
    assert real.shape == (500, 128)
    noise = features(classifier, torch.rand(500, 1, 28, 28, generator=generator))
    assert frechet_distance(real, others) < frechet_distance(real, noise) / 10


def test_a_data_set_without_a_classifier_has_none() -> None:
    assert load_classifier("no-such-set") is None
    assert load_classifier("/some/folder/of/images") is None

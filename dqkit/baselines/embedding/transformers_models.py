"""Models of the transformers library as encoders of pictures, each fed and read as its family is meant to be."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dqkit.baselines.embedding.encoders import Encoder, Preparation, best_device, has_fast_bfloat16, weights_digest
from dqkit.records import InputError, MissingExtra

IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
# Transformers whose first token stands for the whole picture; the pooled output of some is made by weights that the
# published files do not hold.
FIRST_TOKEN = ("vit", "deit", "dinov2", "dinov2_with_registers", "dinov3_vit", "vit_mae", "vit_msn")


def loaded(kind: str, model: str | Path) -> Any:
    """What is on this machine first; the hub only for a name that is not.

    Raises `MissingExtra` without transformers, `InputError` where it cannot be loaded.
    """
    try:
        import transformers
    except ImportError as error:
        raise MissingExtra("pretrained models need transformers: pip install 'dqkit[pretrained]'") from error
    maker = getattr(transformers, kind)
    try:
        try:
            return maker.from_pretrained(str(model), local_files_only=True)
        except (OSError, ValueError):
            if Path(str(model)).exists():
                raise
        return maker.from_pretrained(str(model))
    except (OSError, ValueError) as error:
        raise InputError(
            "pretrained must be a folder with a transformers model, the name of one that is in the cache or can be "
            f"fetched, or a pair (torch module, transform); got {str(model)!r}: {error}"
        ) from error


def transformers_encoder(model: str | Path, *, batch: int = 8) -> Encoder:
    """An image model of transformers, by its folder or name."""
    import torch

    network = loaded("AutoModel", model).eval()
    config = network.config
    prepare = preparation(config, note_of(model))
    device = best_device()
    dtype = torch.bfloat16 if device.type == "cuda" or has_fast_bfloat16() else torch.float32
    told = {"preparation": asdict(prepare), "dtype": str(dtype), "device": device.type, "config": config.to_dict()}
    revision = weights_digest(network.state_dict().items(), told)
    network.to(device=device, dtype=dtype)
    name = Path(str(model)).name
    return Encoder(name, revision, prepare, reader(network), prepare.reads, device, dtype, batch)


def reader(network: Any) -> Callable[[Any], Any]:
    """(b, 3, h, w) -> (b, d), as the model's family is meant to be read."""
    if hasattr(network, "get_image_features"):  # CLIP, SigLIP and their kin: the space that texts share

        def shared(x: Any) -> Any:
            found = network.get_image_features(pixel_values=x)
            return found if hasattr(found, "ndim") else found.pooler_output

        return shared

    first = getattr(network.config, "model_type", "") in FIRST_TOKEN

    def own(x: Any) -> Any:
        out = network(pixel_values=x)
        hidden = out.last_hidden_state
        if first:
            return hidden[:, 0]
        pooled = getattr(out, "pooler_output", None)
        if pooled is not None:
            return pooled.flatten(1)
        return hidden.mean(dim=(2, 3)) if hidden.ndim == 4 else hidden.mean(dim=1)

    return own


def note_of(model: str | Path) -> Mapping[str, Any]:
    """The model's `preprocessor_config.json`; empty where it brings none."""
    path = Path(str(model)) / "preprocessor_config.json"
    if not path.exists():
        from transformers.utils.hub import cached_file

        try:
            found = None if Path(str(model)).exists() else cached_file(str(model), path.name)
        except OSError:
            found = None
        if found is None:
            return {}
        path = Path(found)
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{str(path)!r} must be JSON; {error}.") from error
    return note if isinstance(note, dict) else {}


def preparation(config: Any, note: Mapping[str, Any]) -> Preparation:
    """What the note says of size, crop, filter, mean and deviation; where it says nothing, the whole picture is
    stretched to the model's own size and has ImageNet's mean and deviation."""
    vision = getattr(config, "vision_config", config)
    own = getattr(vision, "image_size", 224)
    own = int(own if isinstance(own, int) else own[0])
    size = _sized(note.get("size"), own)
    cropped = bool(note.get("do_center_crop", False))
    height, width = size.get("height", own), size.get("width", own)
    edge = size.get("shortest_edge")
    if edge is not None:
        height = width = edge
    if cropped:
        crop = _sized(note.get("crop_size"), own)
        edge = edge if edge is not None else min(height, width)
        height, width = (crop.get(name, crop.get("shortest_edge", own)) for name in ("height", "width"))
    elif edge is not None:
        # ConvNeXT's processors name the side that is cut out and the share of the shorter edge that it is.
        share = note.get("crop_pct")
        edge = int(edge / float(share)) if share and edge < 384 else edge if not share else None
    if not note.get("do_resize", True):
        edge, height, width = None, own, own
    rescale = float(note.get("rescale_factor", 1 / 255)) if note.get("do_rescale", True) else 1.0
    mean, scale = (note.get("image_mean"), note.get("image_std")) if note.get("do_normalize", True) else ([0], [1])
    mean, scale = mean or IMAGENET[0], scale or IMAGENET[1]
    return Preparation(
        int(height),
        int(width),
        None if edge is None else int(edge),
        int(note.get("resample", 2)),
        _three(mean, rescale),
        _three(scale, rescale),
    )


def _sized(size: Any, own: int) -> dict[str, int]:
    if isinstance(size, Mapping):
        return {str(name): int(value) for name, value in size.items() if value is not None}
    if isinstance(size, int):
        return {"height": size, "width": size}
    return {"height": own, "width": own}


def _three(values: Any, rescale: float) -> tuple[float, float, float]:
    """In units of the pixels 0 to 255."""
    listed = list(values) if isinstance(values, list | tuple) else [values]
    listed = listed * 3 if len(listed) == 1 else listed[:3]
    a, b, c = (float(value) / rescale for value in listed)
    return a, b, c

"""Embeddings of images and texts by a pretrained model, computed once and kept on disk."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.bars import over
from dqkit.baselines.compress import principal, standardize
from dqkit.baselines.feature_cache import write_whole
from dqkit.baselines.kernel import kernel_member
from dqkit.baselines.linear_heads import head_members
from dqkit.baselines.members import Member, Task
from dqkit.baselines.representation import Representation
from dqkit.datasets.paths import local_path
from dqkit.records import Dataset, InputError, MissingExtra

CHUNK = 256
TOKENS = 256


def embed(
    ds: Dataset,
    model: str | Path,
    *,
    cache_dir: str | Path | None = None,
    batch: int = 32,
    progress: bool = True,
) -> NDArray[np.float32]:
    """Compute embeddings of every image or text with a transformers model.

    Parameters
    ----------
    ds : Dataset
        Images or texts.
    model : str or Path
        A folder, or a name that transformers finds in its cache or fetches.
    cache_dir : str or Path, optional
        Every 256 samples are saved there, under a hash of their content and of the model's weights. A later call
        computes only what is missing.
    batch : int
        Samples at once. Halved whenever a GPU runs out of memory.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    ndarray of float32, shape (n, d)
        The mean over the last layer's tokens or positions.

    Raises
    ------
    InputError
        Where the model cannot be loaded or the dataset is a table.
    MissingExtra
        Without transformers.

    Notes
    -----
    On a GPU it computes in half precision (bfloat16).
    """
    if ds.modality == "table":
        raise InputError("pretrained must be used with images or texts; got a table. Leave it out.")
    model = local_path("model", model) if str(model).startswith("~") else model
    encoder = _Encoder(ds, model, batch)
    folder = None if cache_dir is None else local_path("cache_dir", cache_dir)
    starts = range(0, len(ds), CHUNK)
    parts = []
    for start in over(starts, total=len(starts), title=f"embeddings, {Path(str(model)).name}", show=progress):
        content = ds.content[start : start + CHUNK]
        path = None if folder is None else folder / f"embedding-{encoder.revision[:12]}-{_hash(content)}.npy"
        saved = _load(path, len(content))
        if saved is None:
            saved = encoder(content)
            if path is not None:
                write_whole(path, partial(np.save, arr=saved))
        parts.append(saved)
    return np.concatenate(parts)


def _hash(content: Any) -> str:
    h = hashlib.blake2b(digest_size=16)
    if isinstance(content, np.ndarray) and content.dtype == np.uint8:
        h.update(str(content.shape).encode() + np.ascontiguousarray(content).tobytes())
    else:
        h.update(json.dumps([str(text) for text in content]).encode())
    return h.hexdigest()


def _load(path: Path | None, rows: int) -> NDArray[np.float32] | None:
    if path is None or not path.exists():
        return None
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None  # torn by a crash: computed again and replaced
    return np.asarray(found, dtype=np.float32) if found.ndim == 2 and len(found) == rows else None


class _Encoder:
    """A loaded model: call it with uint8 images or strings."""

    def __init__(self, ds: Dataset, model: str | Path, batch: int) -> None:
        try:
            import transformers
        except ImportError as error:
            raise MissingExtra("pretrained models need transformers: pip install 'dqkit[pretrained]'") from error
        import torch

        self.torch = torch
        self.batch = batch
        self.is_image = ds.modality == "image"
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        try:
            self.model = _from_disk_or_hub(transformers.AutoModel, model)
            self.tokenizer = None if self.is_image else _from_disk_or_hub(transformers.AutoTokenizer, model)
        except (OSError, ValueError) as error:
            raise InputError(
                "pretrained must be a folder with a transformers model, or the name of one that is in the cache or can "
                f"be fetched; got {str(model)!r}: {error}"
            ) from error
        self.model.eval()
        digest = hashlib.blake2b(self.model.config.to_json_string().encode(), digest_size=16)
        for name, tensor in sorted(self.model.state_dict().items()):
            digest.update(name.encode() + tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
        self.revision = digest.hexdigest()
        self.model.to(self.device)
        if self.is_image:
            self.side, self.mean, self.scale = _image_settings(self.model.config, model)

    def __call__(self, content: Any) -> NDArray[np.float32]:
        torch = self.torch
        out: list[NDArray[np.float32]] = []
        start = 0
        while start < len(content):
            try:
                with torch.no_grad(), torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda"):
                    pooled = self._pool(content[start : start + self.batch])
            except torch.cuda.OutOfMemoryError:
                if self.batch == 1:
                    raise
                self.batch = max(1, self.batch // 2)
                print(f"out of device memory: embedding {self.batch} samples at a time from here on")
                continue
            out.append(pooled.float().cpu().numpy())
            start += len(out[-1])
        return np.concatenate(out)

    def _pool(self, content: Any) -> Any:
        if self.is_image:
            pixels = self._pixels(content)
            if hasattr(self.model, "get_image_features"):
                found = self.model.get_image_features(pixel_values=pixels)
                return found if self.torch.is_tensor(found) else found.pooler_output
            hidden = self.model(pixel_values=pixels).last_hidden_state
            return hidden.mean(dim=(2, 3)) if hidden.ndim == 4 else hidden.mean(dim=1)
        assert self.tokenizer is not None
        texts = [str(text) for text in content]
        tokens = self.tokenizer(texts, padding=True, truncation=True, max_length=self._tokens(), return_tensors="pt")
        tokens = {key: value.to(self.device) for key, value in tokens.items()}
        hidden = self.model(**tokens).last_hidden_state
        mask = tokens["attention_mask"][..., None].to(hidden.dtype)
        return (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)

    def _tokens(self) -> int:
        """As many tokens as the model has positions for, 256 at most."""
        return min(TOKENS, int(getattr(self.model.config, "max_position_embeddings", TOKENS)))

    def _pixels(self, content: NDArray[np.uint8]) -> Any:
        torch = self.torch
        x = torch.from_numpy(np.ascontiguousarray(content)).to(self.device)
        x = (x[:, None] if x.ndim == 3 else x.permute(0, 3, 1, 2)).float() / 255
        x = x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x[:, :3]
        x = torch.nn.functional.interpolate(x, size=(self.side, self.side), mode="bilinear", antialias=True)
        shape = (1, 3, 1, 1)
        mean, scale = torch.tensor(self.mean).view(shape), torch.tensor(self.scale).view(shape)
        return (x - mean.to(self.device)) / scale.to(self.device)


def _from_disk_or_hub(kind: Any, model: str | Path) -> Any:
    """What is on this machine first; the hub only for a name that is not."""
    try:
        return kind.from_pretrained(str(model), local_files_only=True)
    except (OSError, ValueError):
        if Path(str(model)).exists():
            raise
    return kind.from_pretrained(str(model))


def _image_settings(config: Any, model: str | Path) -> tuple[int, list[float], list[float]]:
    """Side, mean and deviation of the pixels the model expects."""
    vision = getattr(config, "vision_config", config)
    side = getattr(vision, "image_size", 224)
    side = int(side if isinstance(side, int) else side[0])
    mean, scale = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    path = Path(str(model)) / "preprocessor_config.json"
    if not path.exists():
        from transformers.utils.hub import cached_file

        try:
            found = cached_file(str(model), "preprocessor_config.json", local_files_only=True)
        except OSError:
            found = None  # the model brings no note of its own: ImageNet's statistics, as most do
        path = Path(found) if found else path
    if path.exists():
        note = json.loads(path.read_text(encoding="utf-8"))
        mean, scale = note.get("image_mean", mean), note.get("image_std", scale)
    return side, [float(v) for v in mean], [float(v) for v in scale]


class PretrainedRepresentation(Representation):
    """Embeddings with linear heads and a kernel on top."""

    def __init__(self, task: Task, embedding: NDArray[np.float32], note: str) -> None:
        super().__init__(task)
        object.__setattr__(self, "embedding", standardize(np.array(embedding), task.unsupervised))
        object.__setattr__(self, "note", note)

    embedding: NDArray[np.float32]
    note: str

    @cached_property
    def features(self) -> NDArray[np.float32]:
        return principal(self.embedding, 128, rows=self.task.unsupervised, seed=self.task.seed)

    def members(self) -> list[Member]:
        members = [*head_members(self.task, self.embedding), kernel_member(self.task, lambda: self.features)]
        return [Member(m.name, m.fit, {**m.settings, "embedding": self.note}) for m in members]

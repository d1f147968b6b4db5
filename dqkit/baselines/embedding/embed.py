"""Embeddings of images and texts by a pretrained model, computed once and kept on disk."""

from __future__ import annotations

import hashlib
import json
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dqkit.bars import Bar, spoken
from dqkit.baselines.embedding.pictures import content_hash
from dqkit.baselines.feature_cache import write_whole
from dqkit.baselines.runs import BaselineWarning
from dqkit.checks import whole_number
from dqkit.datasets.paths import local_path
from dqkit.records import Dataset, InputError

if TYPE_CHECKING:
    from dqkit.baselines.embedding.encoders import Encoder
    from dqkit.baselines.embedding.forecast import Probe
    from dqkit.baselines.embedding.texts import TextEncoder

CHUNK = 256
SIDE = 224
# A forecast below this is not worth a line.
SHORT_SECONDS = 10.0


def embed(
    ds: Dataset,
    model: Any = None,
    *,
    cache_dir: str | Path | None = None,
    batch: int | None = None,
    side: int = SIDE,
    progress: bool = True,
) -> NDArray[np.float32]:
    """Compute embeddings of every image or text with a pretrained model.

    Parameters
    ----------
    ds : Dataset
        Images or texts.
    model : str, Path or pair, optional
        A folder with a transformers model, or a name that transformers finds in its cache or fetches; for images also a
        pair (torch module, transform), where the transform turns a Pillow image into a tensor (3, h, w) and the module
        turns (b, 3, h, w) into (b, d). None: EfficientNet-Lite0 as it is installed with dqkit, for images.
    cache_dir : str or Path, optional
        Every 256 samples are saved there, under a hash of their content and of the model. A later call computes only
        what is missing.
    batch : int, optional
        Samples at once; by default what suits the device. Halved whenever a GPU runs out of memory.
    side : int
        Pixels a side that the network of `model=None` sees, 32 or more. 128 takes a third of the time of 224.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    ndarray of float32, shape (n, d)
        For images what the model's family gives for a whole picture: pooled features (EfficientNet, ConvNeXT), the
        first token (ViT, DINOv2) or image features (CLIP, SigLIP). For texts the mean over the last layer's tokens.

    Raises
    ------
    InputError
        Where the model cannot be loaded, or the dataset is a table.
    MissingExtra
        Without transformers, or without the package of the installed network.

    Warns
    -----
    BaselineWarning
        Where originals cannot be read any more; their decoded pixels are embedded.

    Notes
    -----
    Images are read from their files, at the size, crop and colours that the model was trained on. A GPU and processors
    that have bfloat16 compute in bfloat16, others in float32. Memory holds a few batches and the result.
    """
    if not isinstance(ds, Dataset):
        raise InputError(f"ds must be a dqkit.Dataset; got {type(ds).__name__}.")
    if ds.modality == "table":
        raise InputError("pretrained must be used with images or texts; got a table. Leave it out.")
    if batch is not None:
        batch = whole_number("batch", batch, least=1)
    folder = None if cache_dir is None else local_path("cache_dir", cache_dir)
    if ds.modality == "image":
        return embed_pictures(
            ds, encoder_of(model, whole_number("side", side, least=32), batch), folder, progress=progress
        )
    from dqkit.baselines.embedding.texts import text_encoder

    if not isinstance(model, str | Path):
        raise InputError(f"model must be a folder or a name for texts; got {type(model).__name__}.")
    return embed_texts(ds, text_encoder(located(model), batch), folder, progress=progress)


def encoder_of(model: Any, side: int, batch: int | None = None) -> Encoder:
    """The encoder of images that `model` names; raises as `embed` does."""
    told = {} if batch is None else {"batch": batch}
    if model is None:
        from dqkit.baselines.embedding.encoders import lite0_encoder

        return lite0_encoder(side, **told)
    if isinstance(model, str | Path):
        from dqkit.baselines.embedding.transformers_models import transformers_encoder

        return transformers_encoder(located(model), **told)
    from dqkit.baselines.embedding.own_module import module_encoder

    return module_encoder(model, **told)


def embed_pictures(ds: Dataset, encoder: Encoder, folder: Path | None, *, progress: bool) -> NDArray[np.float32]:
    """float32 (n, d) of every picture; chunks that were saved are read."""
    from dqkit.baselines.embedding.forecast import probe_pictures
    from dqkit.baselines.embedding.pipeline import PictureEncoder

    network = PictureEncoder(ds, encoder)
    unread: list[int] = []

    def compute(start: int, stop: int) -> NDArray[np.float32]:
        made = network(start, stop)
        unread.extend(made.unread)
        return made.values

    out = _in_chunks(ds, encoder.name, encoder.revision, folder, compute, lambda: probe_pictures(ds, encoder), progress)
    if unread:
        warnings.warn(
            f"{len(unread):,} of {len(ds):,} original pictures cannot be read now, such as {str(ds.ids[unread[0]])!r}; "
            f"their copies of {ds.content.shape[2]} × {ds.content.shape[1]} pixels are embedded",
            BaselineWarning,
            stacklevel=3,
        )
    return out


def embed_texts(ds: Dataset, encoder: TextEncoder, folder: Path | None, *, progress: bool) -> NDArray[np.float32]:
    """float32 (n, d) of every text; chunks that were saved are read."""
    from dqkit.baselines.embedding.forecast import probe_texts

    def compute(start: int, stop: int) -> NDArray[np.float32]:
        return encoder([str(text) for text in ds.content[start:stop]])

    return _in_chunks(ds, encoder.name, encoder.revision, folder, compute, lambda: probe_texts(ds, encoder), progress)


def located(model: str | Path) -> str | Path:
    """A name as it is, a path with its home folder written out."""
    return local_path("model", model) if str(model).startswith("~") else model


def _in_chunks(
    ds: Dataset,
    name: str,
    revision: str,
    folder: Path | None,
    compute: Callable[[int, int], NDArray[np.float32]],
    probe: Callable[[], Probe] | None,
    progress: bool,
) -> NDArray[np.float32]:
    """What `compute` gives for every chunk that is not in the folder, and what is there for the others."""
    n = len(ds)
    noun = "pictures" if ds.modality == "image" else "texts"
    chunks = [(start, min(start + CHUNK, n)) for start in range(0, n, CHUNK)]
    out: NDArray[np.float32] | None = None
    missing = []
    with Bar(n, f"embeddings, {name}", show=progress and n > 0) as bar:
        paths = [None if folder is None else folder / f"embedding-{revision[:12]}-{_hash(ds, *c)}.npy" for c in chunks]
        for chunk, path in zip(chunks, paths, strict=True):
            saved = _load(path, chunk[1] - chunk[0])
            if saved is None or (out is not None and saved.shape[1] != out.shape[1]):
                missing.append((chunk, path))
                continue
            out = _put(out, n, chunk, saved)
            bar.step(len(saved))
        count = sum(stop - start for (start, stop), _ in missing)
        expected = 0.0
        if probe is not None and progress and count >= 2 * CHUNK:
            told = probe()
            expected = told.seconds * count
            if expected >= SHORT_SECONDS:
                bar.note(
                    f"embeddings: {count:,} {noun}, {name}: about {spoken(expected)} here, and {told.memory(n)} of "
                    "memory; budget_minutes= or pretrained=False for less"
                )
        began = time.monotonic()
        for chunk, path in missing:
            made = compute(*chunk)
            if path is not None:
                write_whole(path, partial(np.save, arr=made))
            out = _put(out, n, chunk, made)
            bar.step(len(made))
        took = time.monotonic() - began
        if expected >= SHORT_SECONDS and not 0.5 <= took / expected <= 2:
            bar.note(f"embeddings: they took {spoken(took)}, where {spoken(expected)} were foreseen")
    return np.zeros((0, 1), dtype=np.float32) if out is None else out


def _put(
    out: NDArray[np.float32] | None, n: int, chunk: tuple[int, int], values: NDArray[np.float32]
) -> NDArray[np.float32]:
    out = np.empty((n, values.shape[1]), dtype=np.float32) if out is None else out
    out[slice(*chunk)] = values
    return out


def _hash(ds: Dataset, start: int, stop: int) -> str:
    if ds.modality == "image":
        return content_hash(ds, start, stop)
    return _hash_texts(ds.content[start:stop])


def _hash_texts(texts: Sequence[Any]) -> str:
    return hashlib.blake2b(json.dumps([str(text) for text in texts]).encode(), digest_size=16).hexdigest()


def _load(path: Path | None, rows: int) -> NDArray[np.float32] | None:
    if path is None or not path.exists():
        return None
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None  # torn by a crash: computed again and replaced
    return np.asarray(found, dtype=np.float32) if found.ndim == 2 and len(found) == rows else None

"""Each CUDA path of dqkit beside the same on the processor: does it give the same, how long does it take, how much
memory does it hold? Run by `benchmarks/gpu.sh`; without a GPU: python benchmarks/gpu_paths.py --device cpu --rows 2000.

Printed, a line "figure NAME VALUE" each: the share of neighbours that agree, the least cosine of embeddings, the
largest difference of patch features, the accuracy of the fine-tuned member, seconds on the device, and MiB of device
memory at the peak.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray

from dqkit.baselines import cross_val_predictions, embed
from dqkit.baselines.embedding import encoders, own_module, transformers_models
from dqkit.baselines.patches import learn_dictionary, patch_features, patch_features_on, settings_for
from dqkit.datasets import from_arrays
from dqkit.signals import neighbors


def measured(name: str, device: str, call: Callable[[], Any]) -> Any:
    """What the call gives; its seconds and the device's peak memory are printed."""
    on_gpu = device == "cuda"
    call()  # the first one pays for the start of the device
    if on_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
        torch.cuda.synchronize()
    start = time.perf_counter()
    out = call()
    if on_gpu:
        torch.cuda.synchronize()
        print(f"figure {name} MiB {torch.cuda.max_memory_allocated() / 2**20:.0f}")
    print(f"figure {name} s {time.perf_counter() - start:.3f}", flush=True)
    return out


def of_neighbors(device: str, rows: int, rng: np.random.Generator) -> None:
    x = rng.normal(size=(rows, 256)).astype(np.float32)
    found = measured("neighbours", device, lambda: neighbors(x, device=device))
    sample = np.sort(rng.permutation(rows)[:500])
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    likeness = unit[sample] @ unit.T
    likeness[np.arange(len(sample)), sample] = -np.inf
    best = np.argsort(-likeness, axis=1)[:, : found.indices.shape[1]]
    same = [len(np.intersect1d(a, b)) for a, b in zip(found.indices[sample], best, strict=True)]
    print(f"figure neighbours agree {np.mean(same) / best.shape[1]:.4f}")


def of_patches(device: str, pictures: NDArray[np.uint8]) -> None:
    words = learn_dictionary(pictures, settings_for(pictures.shape, 0))
    given = measured("patches", device, lambda: patch_features_on(device, pictures, words))
    own = patch_features(pictures, words)
    print(f"figure patches differ {float(np.abs(given.astype(np.float64) - own).max()):.5f}")


@contextmanager
def on_the_processor() -> Iterator[None]:
    """Embedding takes the processor, whatever else is there."""
    with ExitStack() as stack:
        for place in (encoders, own_module, transformers_models):
            stack.enter_context(mock.patch.object(place, "best_device", return_value=torch.device("cpu")))
        yield


def own_network() -> Any:
    """A pair (module, transform) as a user gives it."""
    layers = (torch.nn.Conv2d(3, 16, 5, stride=4), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten())

    def transform(image: Any) -> torch.Tensor:
        return torch.from_numpy(np.asarray(image.resize((64, 64)), dtype=np.float32) / 255).permute(2, 0, 1)

    return torch.nn.Sequential(*layers), transform


def small_vit(folder: str) -> str:
    """A folder with a small vision transformer of random weights, as transformers saves one."""
    import transformers

    sizes = {"hidden_size": 192, "intermediate_size": 768, "num_attention_heads": 3, "num_hidden_layers": 6}
    transformers.ViTModel(transformers.ViTConfig(image_size=224, **sizes)).save_pretrained(folder)
    return folder


def of_embeddings(device: str, pictures: NDArray[np.uint8]) -> None:
    ds = from_arrays(pictures, np.zeros(len(pictures), dtype=np.int64), classes=["a", "b"])
    few = ds.take(np.arange(min(64, len(ds))))
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        models = {"Lite0": None, "own module": own_network()}
        if find_spec("transformers") is not None:
            models["ViT"] = small_vit(folder)
        for name, model in models.items():
            ours = measured(name, device, lambda model=model: embed(ds, model, progress=False))
            with on_the_processor():
                own = embed(few, model, progress=False).astype(np.float64)
            a = ours[: len(own)].astype(np.float64)
            cosine = (a * own).sum(axis=1) / np.maximum(np.linalg.norm(a, axis=1) * np.linalg.norm(own, axis=1), 1e-12)
            print(f"figure {name} least cosine {cosine.min():.4f}")


def of_finetuning(device: str, pictures: NDArray[np.uint8]) -> None:
    light = pictures.mean(axis=(1, 2, 3))
    y = (light > np.median(light)).astype(np.int64)
    ds = from_arrays(pictures, y, classes=["dark", "light"])
    call = partial(cross_val_predictions, ds, folds=2, finetune="anyway", progress=False)
    out = measured("fine-tuning", device, call)
    print(f"figure fine-tuning accuracy {float((out.member_probs[-1].argmax(axis=1) == y).mean()):.4f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    parser.add_argument("--rows", type=int, default=100_000, help="to find neighbours among")
    parser.add_argument("--pictures", type=int, default=1_000, help="of random blots")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    of_neighbors(args.device, args.rows, rng)
    coarse = rng.integers(0, 256, (args.pictures, 8, 8, 3), dtype=np.uint8)
    pictures = coarse.repeat(8, axis=1).repeat(8, axis=2)
    of_patches(args.device, pictures)
    of_embeddings(args.device, pictures)
    of_finetuning(args.device, pictures[:512])


if __name__ == "__main__":
    main()

"""What embeddings of photos cost: dqkit beside a plain loop over timm's or transformers' network of the same size.

Run: python benchmarks/embedding.py [--data ../shared/data] [--n 1000] [--sides 224 128]
     ATEN_CPU_CAPABILITY=avx2 ONEDNN_MAX_CPU_ISA=AVX2 python benchmarks/embedding.py    # as on a processor of AVX2
Reading and preparing the files is part of it everywhere. The plain loop opens each photo with Pillow, prepares it, and
gives batches of 32 to the network in float32, as the models' pages show. timm's network is EfficientNet-Lite0 too;
without timm it is transformers' EfficientNet-B0, of the same blocks with squeeze-and-excitation beside them. Weights do
not matter for the cost: random ones are used there.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import dqkit as dq
from dqkit.arrays.threads import processors
from dqkit.baselines import embed
from dqkit.baselines.embedding.encoders import lite0_encoder


def timed(call: Callable[[], Any]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return time.process_time() - cpu, time.perf_counter() - wall


def other_network(side: int) -> tuple[str, Callable[[torch.Tensor], torch.Tensor]] | None:
    """A network of the same size by another library, or None where neither is installed."""
    try:
        import timm

        network = timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0).eval()
        return f"timm {timm.__version__}, tf_efficientnet_lite0", network
    except ImportError:
        pass
    try:
        import transformers
    except ImportError:
        return None
    config = transformers.EfficientNetConfig(
        image_size=side, width_coefficient=1.0, depth_coefficient=1.0, hidden_dim=1280
    )
    network = transformers.EfficientNetModel(config).eval()
    name = f"transformers {transformers.__version__}, EfficientNet-B0"
    return name, lambda x: network(pixel_values=x).pooler_output


def plain_loop(paths: list[str], side: int, network: Callable[[torch.Tensor], torch.Tensor]) -> None:
    from PIL import Image

    mean, scale = torch.tensor([127.0]), torch.tensor([128.0])
    with torch.inference_mode():
        for start in range(0, len(paths), 32):
            batch = []
            for path in paths[start : start + 32]:
                image = Image.open(path).convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
                batch.append(torch.from_numpy(np.array(image)).permute(2, 0, 1).float())
            network((torch.stack(batch) - mean) / scale)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--sides", type=int, nargs="+", default=[224, 128])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        zipfile.ZipFile(args.data / "clothing_1000.zip").extractall(place)
        ds = dq.from_folder(place, progress=False)
        ds = ds.take(np.sort(np.random.default_rng(0).permutation(len(ds))[: args.n]))
        kind = str(lite0_encoder(224).dtype).removeprefix("torch.")
        capability = torch.backends.cpu.get_cpu_capability()
        print(f"{len(ds):,} photos, {processors()} processors, {capability}, dqkit computes in {kind}")
        for side in args.sides:
            embed(ds.take(np.arange(min(64, len(ds)))), side=side, progress=False)
            cpu, wall = timed(lambda side=side: embed(ds, side=side, progress=False))
            print(f"{side} px  dqkit, EfficientNet-Lite0: {cpu:.1f} CPU-s, {wall:.1f} s", flush=True)
            found = other_network(side)
            if found is None:
                print("        neither timm nor transformers is installed: nothing runs beside it")
                continue
            name, network = found
            paths = [str(path) for path in ds.paths]
            cpu, wall = timed(lambda side=side, network=network, paths=paths: plain_loop(paths, side, network))
            print(f"        {name}, plain loop: {cpu:.1f} CPU-s, {wall:.1f} s", flush=True)


if __name__ == "__main__":
    main()

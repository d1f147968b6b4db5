"""Planted near copies of photos: which of them are found, and how many groups are not of one picture.

Run: python benchmarks/near_copies.py [--data ../shared/data] [--n 500] [--seed 0]
A quarter of the photos get a copy: cut (four fifths of each side, anywhere), saved again (JPEG at quality 35, half the
size), mirrored, or recoloured (brighter, more contrast, warmer). A planted pair is found where both lie in one group.
Pairs of a group that were not planted count against precision, although the set itself holds some copies. Printed for
the features of the pretrained network with and without the look at the pixels, for the pixels alone, for the features
that the default had before, and for hashes of imagededup where it is installed.
"""

from __future__ import annotations

import argparse
import tempfile
import zipfile
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

import dqkit as dq
from dqkit.baselines import untrained_predictions
from dqkit.near_copies import similar_images
from dqkit.signals import signal_table

KINDS = ("cut", "saved again", "mirrored", "recoloured")


def copied(image: Image.Image, kind: str, rng: np.random.Generator) -> Image.Image:
    width, height = image.size
    if kind == "cut":
        wide, high = round(0.8 * width), round(0.8 * height)
        left, top = int(rng.integers(width - wide + 1)), int(rng.integers(height - high + 1))
        return image.crop((left, top, left + wide, top + high))
    if kind == "saved again":
        return image.resize((width // 2, height // 2), Image.Resampling.BICUBIC)
    if kind == "mirrored":
        return ImageOps.mirror(image)
    x = np.asarray(image, dtype=np.float32) * [1.12, 1.0, 0.85]
    warm = Image.fromarray(np.clip(x, 0, 255).astype(np.uint8))
    return ImageEnhance.Contrast(ImageEnhance.Brightness(warm).enhance(1.15)).enhance(1.2)


def planted(source: Path, place: Path, n: int, seed: int) -> dict[tuple[str, str], str]:
    """n photos and copies of a quarter of them in `place`; {pair of file names: kind}."""
    rng = np.random.default_rng(seed)
    files = sorted(source.rglob("*.jpg"))
    picked = [files[i] for i in np.sort(rng.permutation(len(files))[:n])]
    pairs = {}
    for i, file in enumerate(picked):
        image = Image.open(file).convert("RGB")
        (place / "ab"[i % 2]).mkdir(parents=True, exist_ok=True)
        (place / "ab"[i % 2] / f"{i:04d}.jpg").write_bytes(file.read_bytes())
        if i % 4 == 0:
            kind = KINDS[i // 4 % 4]
            made = copied(image, kind, rng)
            made.save(place / "ab"[i % 2] / f"{i:04d}_copy.jpg", quality=35 if kind == "saved again" else 92)
            pairs[f"{i:04d}", f"{i:04d}_copy"] = kind
    return pairs


def told(name: str, groups: dict[str, int], pairs: dict[tuple[str, str], str]) -> None:
    members: dict[int, list[str]] = {}
    for item, group in groups.items():
        if group >= 0:
            members.setdefault(group, []).append(item)
    found = {pair for names in members.values() for pair in combinations(sorted(names), 2)}
    recall = {kind: np.mean([pair in found for pair, k in pairs.items() if k == kind]) for kind in KINDS}
    right = len(found & set(pairs))
    cells = ", ".join(f"{kind} {share:.2f}" for kind, share in recall.items())
    print(f"{name:28} found: {cells}; {right} of {len(found)} pairs were planted", flush=True)


def by_hashes(place: Path, pairs: dict[tuple[str, str], str]) -> None:
    try:
        from imagededup.methods import DHash, PHash
    except ImportError:
        print("imagededup is not installed: its hashes do not run beside it")
        return
    for method in (PHash, DHash):
        hasher = method(verbose=False)
        flat = {}
        for file in sorted(place.rglob("*.jpg")):
            flat[file.stem] = hasher.encode_image(image_file=str(file))
        near = hasher.find_duplicates(encoding_map=flat, max_distance_threshold=10)
        links = [(a, b) for a, others in near.items() for b in others]
        at = {name: i for i, name in enumerate(flat)}
        from dqkit.near_copies import linked_groups

        left, right = (np.array([at[pair[k]] for pair in links], dtype=np.int64) for k in (0, 1))
        told(
            f"imagededup {method.__name__}", dict(zip(flat, linked_groups(len(flat), left, right), strict=True)), pairs
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--n", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as source, tempfile.TemporaryDirectory() as place:
        zipfile.ZipFile(args.data / "clothing_1000.zip").extractall(source)
        pairs = planted(Path(source), Path(place), args.n, args.seed)
        ds = dq.from_folder(place, progress=False)
        names = [Path(str(path)).stem for path in ds.paths]

        def groups_of(column: NDArray[np.int64]) -> dict[str, int]:
            return dict(zip(names, np.asarray(column).tolist(), strict=True))

        with_network = untrained_predictions(ds, progress=False)
        clean = [i for i, name in enumerate(names) if "copy" not in name]
        own = similar_images(ds.content[clean])
        print(f"{len(names)} photos, {len(pairs)} of them planted copies, seed {args.seed}; similar pixels before: "
              f"{int((own >= 0).sum())} photos")  # fmt: skip
        told("default", groups_of(signal_table(ds, with_network).table["duplicate_group"]), pairs)
        from dqkit.signals import neighbors

        told("network's features alone", groups_of(neighbors(with_network.features).table["duplicate_group"]), pairs)
        told("pixels alone", groups_of(similar_images(ds.content)), pairs)
        before = untrained_predictions(ds, pretrained=False, progress=False)
        told("before: patches and pixels", groups_of(signal_table(ds, before).table["duplicate_group"]), pairs)
        by_hashes(Path(place), pairs)


if __name__ == "__main__":
    main()

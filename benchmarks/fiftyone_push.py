"""FiftyOne beside dqkit: pushing 50,000 images, the key to the next painted sample in the App, and mistakenness.

    python benchmarks/fiftyone_push.py --data ../shared/data [--n 50000] [--keys 100] [--only push panel labels]

push: CIFAR-10 images, a label, a prediction with logits, ten signals, a queue of 1,000 and a 2-D map of every sample;
then the same push again, and once more after 100 labels changed. panel: headless Chromium, an App of its own, every
sample with three members' votes and five neighbours' thumbnails, from the keydown to the frame that shows the next
sample (marked by the page itself), one key every 60 ms after paint.
labels: average precision (higher is better) of finding the wrong labels, by dqkit's label score and by FiftyOne Brain's
mistakenness (its default, from the confidence, and from the logits) on the same out-of-sample predictions, of dqkit's
own baselines: scikit-learn's digits with planted errors, and CIFAR-10 with the labels one person gave.
A database and a plugin folder of its own, removed afterwards.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import dqkit as dq
from dqkit.records import Dataset, Predictions

KEYS = """async ([n, pause]) => {
    const root = document.querySelector('.dqkit-labeler');
    const wait = (ms) => new Promise((done) => setTimeout(done, ms));
    const times = [];
    for (let i = 0; i < n; i++) {
        const shown = root.dataset.sampleId;
        const start = performance.now();
        const painted = new Promise((done) => {
            const watch = new MutationObserver(() => {
                if (!root.dataset.sampleId || root.dataset.sampleId === shown) return;
                watch.disconnect();
                done(performance.now());
            });
            watch.observe(root, { attributes: true, attributeFilter: ['data-sample-id'] });
        });
        root.dispatchEvent(new KeyboardEvent('keydown', { key: String(1 + (i % 3)), bubbles: true, cancelable: true }));
        times.push(await painted - start);
        await wait(pause);
    }
    return times;
}"""


def cifar(data: Path, n: int) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.int64]]:
    """(n, 32, 32, 3) images, the labels one person gave, and the true ones."""
    from PIL import Image

    stored = np.load(data / "cifar10.npz")
    stream, ends = stored["train_jpeg"].tobytes(), stored["train_offsets"]
    images = np.stack([np.asarray(Image.open(io.BytesIO(stream[ends[i] : ends[i + 1]]))) for i in range(n)])
    return (
        images,
        stored["train_human_labels_random1"][:n].astype(np.int64),
        stored["train_labels"][:n].astype(np.int64),
    )


def labels_of(dataset: Dataset) -> pd.DataFrame:
    names = [None if i < 0 else dataset.classes[i] for i in dataset.labels]
    return pd.DataFrame({"label": names, "source": "given", "annotator": None}, index=dataset.ids)


def timed(name: str, work: Callable[[], Any]) -> Any:
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    print(f"  {name:34s} {time.perf_counter() - wall:8.1f} {time.process_time() - cpu:8.1f}", flush=True)
    return result


def bench_push(fo: ModuleType, data: Path, n: int, folder: Path, seed: int) -> None:
    from dqkit.fiftyone_bridge import push

    images, labels, _ = cifar(data, n)
    dataset = dq.from_arrays(images, labels, classes=[f"class {k}" for k in range(10)])
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.ones(10), n).astype(np.float32)
    features = rng.random((n, 64)).astype(np.float32)
    predictions = Predictions.from_arrays(probs, ids=list(dataset.ids), classes=dataset.classes, features=features)
    signals = pd.DataFrame({f"signal_{k}": rng.random(n) for k in range(8)}, index=dataset.ids)
    signals = signals.assign(duplicate_group=-1, label_flag=rng.random(n) < 0.1)
    queue = pd.DataFrame(
        {"sample_id": dataset.ids[:1000], "action": "relabel", "score": 0.5, "suggested_label": "class 1"}
    )
    what = {"signals": signals, "predictions": predictions, "queue": queue.assign(reasons="looks like class 1")}
    what["neighbors"] = rng.integers(0, n, (n, 10))
    current = labels_of(dataset)

    def send() -> None:
        push(dataset, labels=current, **what, name="benchmark-push", media_dir=folder / "media", round_number=1)

    print(f"push of {n:,} images (CIFAR-10)                wall s    CPU s")
    timed("first", send)
    timed("again, nothing changed", send)
    current.iloc[:100, 0] = "class 3"
    timed("again, 100 labels changed", send)
    fo.delete_dataset("benchmark-push")


def bench_panel(fo: ModuleType, keys: int, pause: int, folder: Path, seed: int) -> None:
    from playwright.sync_api import sync_playwright

    from dqkit.fiftyone_bridge import open_app, pull, push

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from tests.browser.lab import CHROMIUM, CHROMIUM_FLAGS

    rng = np.random.default_rng(seed)
    n = keys + 50
    images = rng.integers(0, 256, (n, 128, 128, 3), dtype=np.uint8)  # noise: about 50 kB a picture
    dataset = dq.from_arrays(images, np.arange(n) % 3, classes=["cat", "dog", "eel"])
    queue = pd.DataFrame({"sample_id": dataset.ids, "action": "relabel", "score": 0.5, "suggested_label": "eel"})
    near = rng.integers(0, n, (n, 5))
    queue = queue.assign(reasons="looks like an eel")
    votes = rng.dirichlet(np.ones(3), (3, n)).astype(np.float32)
    predictions = Predictions.from_arrays(votes, ids=list(dataset.ids), classes=dataset.classes)
    push(
        dataset,
        labels=labels_of(dataset),
        predictions=predictions,
        queue=queue,
        neighbors=near,
        name="benchmark-panel",
        media_dir=folder / "panel",
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    session = open_app("benchmark-panel", port=port, auto=False, annotator="ana")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
        page = browser.new_page(viewport={"width": 1500, "height": 900})
        page.add_init_script("window.IS_PLAYWRIGHT = true; localStorage.setItem('dqkit/annotator', 'ana');")
        page.set_default_timeout(120_000)
        page.goto(session.url)
        page.wait_for_selector(".dqkit-labeler[data-sample-id]")
        page.wait_for_timeout(3000)
        times = np.array(page.evaluate(KEYS, [keys, pause]))
        page.wait_for_timeout(3000)
        browser.close()
    kept = len(pull("benchmark-panel"))
    session.close()
    fo.delete_dataset("benchmark-panel")
    p50, p95 = np.percentile(times, [50, 95])
    print(f"panel, key to painted sample, ms: p50 {p50:.0f}  p95 {p95:.0f}  worst {times.max():.0f}")
    print(f"panel, answers kept: {kept} of {keys}")


def average_precision(score: NDArray[np.floating], wrong: NDArray[np.bool_]) -> float:
    hits = wrong[np.argsort(-score, kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def bench_labels(fo: ModuleType, data: Path, n: int, folder: Path, seed: int) -> None:
    from dqkit.baselines import cross_val_predictions
    from dqkit.fiftyone_bridge import brain_signals, push
    from dqkit.signals import label_errors

    digits = dq.load_digits(label_noise=0.1, seed=seed)
    assert digits.true_labels is not None
    images, given, true = cifar(data, n)
    people = dq.from_arrays(images, given, classes=[f"class {k}" for k in range(10)])
    print(f"{'average precision, wrong labels':34s}      n  wrong   dqkit  mistakenness  from logits  1 - p(given)")
    for name, dataset, truth in (
        ("digits, planted errors", digits, digits.true_labels),
        ("CIFAR-10, one person", people, true),
    ):
        predictions = cross_val_predictions(dataset, seed=seed, progress=False)
        wrong = dataset.labels != truth
        push(
            dataset,
            labels=labels_of(dataset),
            predictions=predictions,
            layout=None,
            name="benchmark-labels",
            media_dir=folder / name,
        )
        scores = {"dqkit": label_errors(dataset.labels, predictions.member_probs).table["score"].to_numpy()}
        for logits in (False, True):
            table = brain_signals("benchmark-labels", which=["mistakenness"], use_logits=logits)
            scores[f"brain {logits}"] = table["mistakenness"].reindex(dataset.ids).to_numpy()
        scores["plain"] = 1 - predictions.pred_probs[np.arange(len(dataset)), dataset.labels]
        dqkit, brain, brain_logits, plain = (average_precision(score, wrong) for score in scores.values())
        figures = f"{dqkit:7.3f} {brain:13.3f} {brain_logits:12.3f} {plain:13.3f}"
        print(f"{name:34s} {len(dataset):6,d} {wrong.mean():6.1%} {figures}", flush=True)
        fo.delete_dataset("benchmark-labels")


def stop_database() -> None:
    """mongod has to be gone before its folder is."""
    from fiftyone.core.odm import database

    database._delete_non_persistent_datasets_if_allowed()
    database._disconnect()
    service, database._db_service = database._db_service, None
    child = service.child
    service.stop()
    child.wait(timeout=60)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--n", type=int, default=50_000, help="images to push")
    parser.add_argument("--people", type=int, default=3000, help="CIFAR-10 images under human labels")
    parser.add_argument("--keys", type=int, default=100)
    parser.add_argument("--pause", type=int, default=60, help="milliseconds between a painted sample and the next key")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="+", choices=["push", "panel", "labels"], default=["push", "panel", "labels"])
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="dqkit-fiftyone-"))
    os.environ["FIFTYONE_DATABASE_DIR"] = str(folder / "mongo")
    os.environ["FIFTYONE_PLUGINS_DIR"] = str(folder / "plugins")
    from dqkit.fiftyone_bridge.connection import connect, load

    load()
    from fiftyone.core.service import DatabaseService

    # FiftyOne joins any mongod that runs under this name, whatever its folder.
    DatabaseService.service_name = f"db-dqkit-benchmark-{os.getpid()}"
    fo = connect()
    machine = platform.processor() or platform.machine()
    print(f"{machine}, {os.cpu_count()} cores, FiftyOne {fo.__version__}, seed {args.seed}")
    try:
        if "push" in args.only:
            bench_push(fo, args.data, args.n, folder, args.seed)
        if "panel" in args.only:
            bench_panel(fo, args.keys, args.pause, folder, args.seed)
        if "labels" in args.only:
            bench_labels(fo, args.data, args.people, folder, args.seed)
    finally:
        stop_database()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

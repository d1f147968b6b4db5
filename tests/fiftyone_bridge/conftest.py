"""One real mongod for the session, in a folder of its own, and a small real push to work on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dqkit.fiftyone_bridge import connect, push
from dqkit.fiftyone_bridge.connection import load
from dqkit.fiftyone_bridge.mongod import mongod_problem
from dqkit.records import Dataset, Predictions

CLASSES = ("cat", "dog", "eel")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """FiftyOne's own use of what Python 3.12 deprecates is not a failure of ours; what starts a mongod is slow."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.filterwarnings("ignore::DeprecationWarning:fiftyone"))
            if "fo" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def fo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """FiftyOne on its own mongod: FiftyOne joins any mongod it started under the same service name, so ours differs."""
    problem = mongod_problem()
    if problem is not None:
        pytest.skip(problem)
    before = {name: os.environ.get(name) for name in ("FIFTYONE_DATABASE_DIR", "FIFTYONE_DATABASE_URI")}
    os.environ["FIFTYONE_DATABASE_DIR"] = str(tmp_path_factory.mktemp("mongo"))
    os.environ.pop("FIFTYONE_DATABASE_URI", None)
    load()
    from fiftyone.core.odm import database
    from fiftyone.core.service import DatabaseService

    assert database._client is None, "a test before this one connected FiftyOne to another database"
    own_name = DatabaseService.service_name
    DatabaseService.service_name = f"db-dqkit-tests-{os.getpid()}"
    yield connect()
    database._delete_non_persistent_datasets_if_allowed()
    database._disconnect()
    service = database._db_service.child
    database._db_service.stop()
    service.wait(timeout=60)
    database._db_service = None
    database._connection_kwargs.clear()
    os.environ.pop("FIFTYONE_PRIVATE_DATABASE_PORT", None)
    DatabaseService.service_name = own_name
    for name, value in before.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


def make_dataset(n: int = 12, modality: str = "image") -> Dataset:
    """n samples s00, s01, ...: classes in turn, every fifth unlabelled, the last two held out for test."""
    rng = np.random.default_rng(7)
    labels = np.arange(n, dtype=np.int64) % 3
    labels[::5] = -1
    ids = np.array([f"s{i:02d}" for i in range(n)], dtype=object)
    split = np.array(["train"] * (n - 2) + ["test"] * 2, dtype=object)
    contents: dict[str, Any] = {
        "image": rng.integers(0, 256, (n, 8, 8), dtype=np.uint8),
        "text": np.array([f"Review number {i}: <b>good</b> & ünïcode" for i in range(n)], dtype=object),
        "table": pd.DataFrame({"age": rng.integers(1, 90, n), "town": ["Bern", None] * (n // 2)}),
    }
    metadata = pd.DataFrame({"camera": [f"cam{i % 2}" for i in range(n)]}, index=ids)
    return Dataset(ids, labels, CLASSES, modality, contents[modality], split, metadata, name="animals")  # type: ignore[arg-type]


def current_labels(dataset: Dataset) -> pd.DataFrame:
    """The given labels in the form of `Workbench.labels()`."""
    names = [None if i < 0 else dataset.classes[i] for i in dataset.labels]
    return pd.DataFrame(
        {"label": names, "source": "given", "annotator": None, "at": None, "round": 0},
        index=pd.Index(dataset.ids, name="sample_id"),
    )


@dataclass
class Pushed:
    """What a test pushes, and how: change a part, push again."""

    dataset: Dataset
    labels: pd.DataFrame
    signals: pd.DataFrame | None
    predictions: Predictions | None
    queue: pd.DataFrame | None
    name: str
    media_dir: Path

    make_dataset = staticmethod(make_dataset)
    current_labels = staticmethod(current_labels)

    def push(self, **changes: Any) -> Any:
        return push(**{"dataset": self.dataset, **_keywords(self), **changes})


def _keywords(pushed: Pushed) -> dict[str, Any]:
    names = ("labels", "signals", "predictions", "queue", "name", "media_dir")
    return {name: getattr(pushed, name) for name in names}


@pytest.fixture
def pushed(fo: ModuleType, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pushed]:
    """Twelve image samples with signals, predictions and a queue of s07, s05, s01; not pushed yet."""
    dataset = make_dataset()
    rng = np.random.default_rng(3)
    probs = rng.dirichlet(np.ones(3), size=len(dataset)).astype(np.float32)
    signals = pd.DataFrame(
        {
            "entropy": rng.random(len(dataset)),
            "label_flag": rng.random(len(dataset)) > 0.5,
            "duplicate_group": np.arange(len(dataset)) - 1,
            "suggested_label": "dog",
            "given_label": "cat",
            "label": "a signal named as one of our fields",
        },
        index=pd.Index(dataset.ids),
    )
    signals.iloc[2, 0] = np.nan
    queue = pd.DataFrame(
        {
            "sample_id": ["s07", "s05", "s01"],
            "action": ["relabel", "label", "second_opinion"],
            "score": [0.9, 0.8, 0.7],
            "suggested_label": ["eel", "cat", None],
            "reasons": ["looks like an eel", "never labelled", "two annotators disagree"],
            "control": [False, False, True],
        }
    )
    predictions = Predictions.from_arrays(probs, ids=list(dataset.ids), classes=CLASSES)
    name = f"test-{abs(hash(request.node.nodeid))}"
    yield Pushed(dataset, current_labels(dataset), signals, predictions, queue, name, tmp_path / "media")
    if fo.dataset_exists(name):
        fo.delete_dataset(name)

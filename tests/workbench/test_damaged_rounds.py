"""Every method of a workbench with every file of a round damaged: it works, or says which file and what to do."""

from __future__ import annotations

import dataclasses
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import dqkit as dq
from dqkit.rounds.parts import MANIFEST
from dqkit.rounds.result import read_groups
from dqkit.workbench.labelling import QueueCards
from dqkit.workbench.rebuilding import rebuild
from tests.workbench.conftest import quick, small

FILES = (
    *("labels.parquet", "predictions.npz", "predictions.json", "baselines.parquet", "checks.parquet", "neighbors.npy"),
    *("signals.parquet", "summary.json", "drawn.parquet", "queue.parquet", "groups.parquet", MANIFEST),
    *("findings/findings.json", "findings/label_errors.parquet"),
)
PREDICTED = ("predictions.npz", "predictions.json", "baselines.parquet", "checks.parquet")
SPLIT = small(60).split
GROUPS = [f"{SPLIT[i]} {i % 10}" for i in range(60)]


def flip(file: Path) -> None:
    """One bit in the middle."""
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 4
    file.write_bytes(raw)


def in_its_place(file: Path) -> None:
    file.unlink()
    file.mkdir()


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "missing": Path.unlink,
    "empty": lambda file: file.write_bytes(b""),
    "cut": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
    "flipped": flip,
    "a folder": in_its_place,
}
OFTEN = ("missing", "flipped")  # the others in the slow tests
# These read the journal and the dataset alone.
OF_THE_JOURNAL: dict[str, Callable[[dq.Workbench, Path], Any]] = {
    "labels": lambda bench, _: bench.labels(),
    "history": lambda bench, _: bench.history(bench.dataset.ids[0]),
    "record": lambda bench, _: bench.record(bench.dataset.ids[0], "red", annotator="ana"),
    "undo": lambda bench, _: bench.undo(annotator="ana"),
    "changes": lambda bench, _: bench.changes(),
    "page_checks": lambda bench, _: bench.page_checks(),
    "dataset_now": lambda bench, _: bench.dataset_now(),
    "rounds": lambda bench, _: bench.rounds,
    "labeler": lambda bench, _: bench.labeler("ana"),
    "repr": lambda bench, _: (repr(bench), bench._repr_html_()),
    "progress": lambda bench, _: QueueCards(bench.state).progress(),
}
OF_THE_ROUND: dict[str, Callable[[dq.Workbench, Path], Any]] = {
    "open_queue": lambda bench, _: bench.open_queue(),
    "round's repr": lambda bench, _: (repr(bench.rounds[-1]), bench.rounds[-1]._repr_html_()),
    "round's parts": lambda bench, _: [getattr(bench.rounds[-1], name) for name in PARTS],
    "advice": lambda bench, _: bench.advice(),
    "reviews": lambda bench, _: bench.reviews(),
    "agreement": lambda bench, _: bench.agreement(),
    "cards": lambda bench, _: QueueCards(bench.state).cards(3, "bo", ()),
    "grid": lambda bench, _: QueueCards(bench.state).alike(3, "cy", ()),
    "export": lambda bench, out: bench.export(out / "all.csv", overwrite=True, progress=False),
}
LONG: dict[str, Callable[[dq.Workbench, Path], Any]] = {
    "report": lambda bench, out: bench.report(out / "health.html"),
    "rerank": lambda bench, _: bench.rerank(budget=6),
    "run_round": lambda bench, _: bench.run_round(budget=4, estimators=quick(), progress=False),
}
PARTS = ("predictions", "signals", "labels_before", "drawn", "queue", "summary", "findings", "neighbors", "pages")


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A workbench with one round, to damage and to put right again."""
    path = tmp_path_factory.mktemp("damaged") / "wb"
    with dq.Workbench.create(path, small(60)) as bench:
        bench.run_round(budget=8, estimators=quick(), groups=GROUPS, progress=False, audit_share=0.5)
        bench.record(bench.open_queue()["sample_id"][0], "red", annotator="ana")
        assert set(FILES) <= {file.relative_to(bench.rounds[0].folder).as_posix() for file in files_of(path)}
    return path


def files_of(path: Path) -> list[Path]:
    return [file for file in (path / "rounds" / "0001").rglob("*") if file.is_file()]


@contextmanager
def damage(path: Path, name: str, kind: str) -> Iterator[None]:
    file = path / "rounds" / "0001" / name
    raw = file.read_bytes()
    DAMAGES[kind](file)
    try:
        yield
    finally:
        if file.is_dir():
            file.rmdir()
        file.write_bytes(raw)


def tried(path: Path, name: str, methods: dict[str, Callable[[dq.Workbench, Path], Any]]) -> set[str]:
    """Which of some methods said that a file is damaged; any other error is raised."""
    said: dict[str, str] = {}
    with dq.Workbench.open(path) as bench, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for method, call in methods.items():
            try:
                call(bench, path.parent)
            except dq.StoreError as error:
                said[method] = str(error)
    assert all(name in str(each.message) for each in warned)
    for text in said.values():
        assert name in text
        assert f"dqkit rebuild {str(path)!r}" in text
    return set(said)


@pytest.mark.parametrize("kind", [pytest.param(k, marks=[] if k in OFTEN else pytest.mark.slow) for k in DAMAGES])
@pytest.mark.parametrize("name", FILES)
def test_what_needs_a_damaged_file_names_it_and_what_does_not_goes_on(whole, name, kind):
    with damage(whole, name, kind):
        assert tried(whole, name, OF_THE_JOURNAL) == set()
        said = tried(whole, name, OF_THE_ROUND)
    assert (said != set()) == (name not in (MANIFEST, "groups.parquet"))  # the sums, and what only ranking again reads


def test_nothing_is_said_of_a_whole_workbench(whole):
    assert tried(whole, MANIFEST, OF_THE_JOURNAL | OF_THE_ROUND) == set()


@pytest.mark.slow
@pytest.mark.parametrize("kind", DAMAGES)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_named_by_the_long_methods_and_made_again(whole, tmp_path, name, kind):
    path = tmp_path / "wb"
    for method in LONG:
        shutil.copytree(whole, path)
        DAMAGES[kind](path / "rounds" / "0001" / name)
        tried(path, name, {method: LONG[method]})
        shutil.rmtree(path)
    shutil.copytree(whole, path)
    DAMAGES[kind](path / "rounds" / "0001" / name)
    told = rebuild(path, progress=False).set_index("file")["state"]
    if name == "groups.parquet":
        assert told[f"rounds/0001/{name}"] == "lost"  # they were told to the round and stand nowhere else
    elif name in PREDICTED:
        assert told["rounds/0001/predictions"] == "lost"  # they came from estimators that only their owner has
    else:
        assert set(told) == {"whole", "rebuilt"}
        assert tried(path, name, OF_THE_ROUND | LONG) == set()


def test_a_file_of_another_round_in_its_place_is_noticed(whole):
    other = (whole / "rounds" / "0001" / "labels.parquet").read_bytes()
    with damage(whole, "drawn.parquet", "empty"):
        (whole / "rounds" / "0001" / "drawn.parquet").write_bytes(other)
        with dq.Workbench.open(whole) as bench, pytest.raises(dq.StoreError, match=r"drawn\.parquet"):
            bench.advice()


def test_groups_that_are_a_column_are_made_again(tmp_path):
    path, dataset = tmp_path / "wb", small(60)
    columns = dataset.metadata.assign(site=GROUPS)
    with dq.Workbench.create(path, dataclasses.replace(dataset, metadata=columns)) as bench:
        rnd = bench.run_round(budget=8, estimators=quick(), groups="site", progress=False)
        before = read_groups(rnd.folder, dataset.ids).tolist()
    flip(path / "rounds" / "0001" / "groups.parquet")
    told = rebuild(path, progress=False).set_index("file")["state"]
    assert told[told != "whole"].to_dict() == {"rounds/0001/groups.parquet": "rebuilt"}
    assert read_groups(path / "rounds" / "0001", dataset.ids).tolist() == before == GROUPS


@pytest.mark.parametrize("kind", [kind for kind in DAMAGES if kind != "flipped"])
@pytest.mark.parametrize("name", ["samples.parquet", "metadata.parquet", "problems.parquet", "table.parquet"])
def test_a_damaged_file_of_the_dataset_is_said_with_what_to_do(whole, tmp_path, name, kind):
    path = tmp_path / "wb"
    shutil.copytree(whole, path)
    DAMAGES[kind](path / "dataset" / name)
    with dq.Workbench.open(path) as bench:
        assert len(bench.store.events()) > 0
        with pytest.raises(dq.StoreError, match=r"damaged.*dqkit rebuild"):
            bench.labels()
    rebuild(path, small(60), progress=False)
    with dq.Workbench.open(path) as bench:
        assert bench.dataset.content.equals(small(60).content)


def test_a_folder_in_the_place_of_a_kept_fit_stops_no_round(tmp_path):
    with dq.Workbench.create(tmp_path / "wb", small(60)) as bench:
        bench.run_round(budget=4, estimators=quick(), progress=False)
        fits = [file for file in (bench.path / "checkpoints").iterdir() if file.is_file()]
        assert fits
        for file in fits:
            in_its_place(file)
        assert bench.run_round(budget=4, estimators=quick(), progress=False).number == 2

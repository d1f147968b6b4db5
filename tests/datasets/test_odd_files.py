"""Devices, pipes and endless files that a table names are recorded problems; nothing waits for them or reads on."""

from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import dqkit as dq
from dqkit.workbench.labelling import QueueCards

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders on this system"),
    pytest.mark.timeout(60),
]


@pytest.fixture
def photos(tmp_path):
    """Forty pictures of two classes."""
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(40):
        pixels = rng.integers(0, 100, (20, 20, 3)) + 100 * (i % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i:02d}.png")
    return folder


def odd_files(folder):
    """Four files that must not be read."""
    os.mkfifo(folder / "pipe.png")
    os.symlink("/dev/zero", folder / "zero.png")
    with (folder / "sparse.png").open("wb") as file:
        file.truncate(1 << 40)
    (folder / "folder.png").mkdir()
    return ["pipe.png", "zero.png", "sparse.png", "folder.png", "/dev/zero", "/dev/random"]


def table_of(folder, more):
    names = [*(f"{i:02d}.png" for i in range(40)), *more]
    return pd.DataFrame(
        {"file": [os.path.join(folder, name) for name in names], "label": ["ab"[i % 2] for i in range(len(names))]}
    )


def test_odd_files_in_a_table_are_recorded_problems(photos):
    odd = odd_files(photos)
    ds = dq.from_table(table_of(photos, odd), image="file", label="label", progress=False)
    fatal = ds.problems[ds.problems["fatal"]]
    assert len(fatal) == len(odd)
    assert fatal["message"].str.contains("regular file|folder|bytes").all()
    assert int(ds.is_usable.sum()) == 40


def test_a_folder_with_pipes_and_devices_is_loaded_without_them(photos):
    for i, file in enumerate(sorted(photos.glob("*.png"))):
        (photos / "ab"[i % 2]).mkdir(exist_ok=True)
        file.rename(photos / "ab"[i % 2] / file.name)
    odd_files(photos / "a")
    ds = dq.from_folder(photos, progress=False)
    assert int(ds.is_usable.sum()) == 40


def test_a_table_that_is_a_pipe_or_a_device_is_refused(tmp_path):
    os.mkfifo(tmp_path / "table.csv")
    os.symlink("/dev/zero", tmp_path / "zero.csv")
    for name in ("table.csv", "zero.csv"):
        with pytest.raises(dq.InputError, match="device or a pipe"):
            dq.from_table(tmp_path / name, label="label")


def test_originals_that_became_pipes_hold_nothing_up(photos, tmp_path):
    ds = dq.from_table(table_of(photos, []), image="file", label="label", progress=False)
    with dq.Workbench.create(tmp_path / "wb", ds) as bench:
        for name in os.listdir(photos):
            (photos / name).unlink()
            os.mkfifo(photos / name)
        bench.run_round(budget=4, progress=False, network=False)
        card = QueueCards(bench.state).cards(1, "ana", ())[0]
        assert card.media.startswith(b"\x89PNG")
        assert "regular file" in card.note
        bench.report(tmp_path / "health.html")
        with pytest.raises(dq.InputError, match="images must be where they were"):
            bench.export(tmp_path / "out", "folder", progress=False)
        os.mkfifo(tmp_path / "answers.csv")
        with pytest.raises(dq.InputError, match="does not exist"):
            bench.apply(tmp_path / "answers.csv", annotator="ana")

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest

import dqkit as dq
from dqkit.report.figures import gallery, learning_curve, overview


@pytest.fixture
def images():
    content = np.arange(6 * 4 * 4, dtype=np.uint8).reshape(6, 4, 4)
    return dq.from_arrays(content, [0, 1, 0, 1, 0, 1], ids=list("abcdef"))


def drawn(figure):
    out = io.BytesIO()
    figure.savefig(out, format="png")
    return out.getvalue()


def test_the_gallery_shows_the_samples_in_the_order_asked_under_their_captions(images):
    figure = gallery(images, ["c", "a"], captions=["3 -> 5", "costs $5"])
    assert [axes.get_title() for axes in figure.axes] == ["3 -> 5", r"costs \$5"]
    assert np.array_equal(figure.axes[0].images[0].get_array(), images.content[2])
    assert drawn(figure).startswith(b"\x89PNG")


def test_the_gallery_refuses_other_data_unknown_samples_and_too_few_captions(images):
    with pytest.raises(dq.InputError, match="images"):
        gallery(dq.from_arrays(["x", "y"], [0, 1]), ["0000000"])
    with pytest.raises(dq.InputError, match="'zz'"):
        gallery(images, ["zz"])
    with pytest.raises(dq.InputError, match="captions"):
        gallery(images, ["a", "b"], captions=["one"])


def test_the_overview_counts_given_and_unlabelled_samples_apart():
    signals = pd.DataFrame(
        {
            "given_label": ["a", "b", None],
            "label_flag": [True, False, False],
            "label_score": [0.9, 0.1, 0.0],
            "least_confidence": [0.1, 0.2, 0.5],
            "entropy": [0.1, 0.2, 0.9],
            "js_divergence": [0.0, 0.1, 0.4],
        },
        index=["x", "y", "z"],
    )
    queue = pd.DataFrame({"sample_id": ["x", "z"], "action": ["relabel", "label"]})
    figure = overview(signals, queue)
    given, unlabelled, _ = figure.axes
    assert sum(patch.get_height() for patch in given.patches) == 2
    assert sum(patch.get_height() for patch in unlabelled.patches) == 1
    assert drawn(figure).startswith(b"\x89PNG")


def test_the_learning_curve_draws_one_line_per_name():
    figure = learning_curve({"dqkit": ([0, 5], [0.5, 0.9]), "random": ([0, 5], [0.5, 0.7])})
    lines = figure.axes[0].lines
    assert [line.get_label() for line in lines] == ["dqkit", "random"]
    assert lines[1].get_ydata().tolist() == [0.5, 0.7]

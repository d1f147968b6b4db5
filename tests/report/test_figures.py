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


def labelled_throughout():
    columns = ("label_score", "least_confidence", "entropy", "js_divergence")
    scores = {name: [0.1, 0.2] for name in columns}
    return pd.DataFrame({"given_label": ["a", "b"], "label_flag": [False, False], **scores}, index=["x", "y"])


def test_a_dataset_that_is_labelled_throughout_has_no_empty_panel_and_no_count_below_zero():
    figure = overview(labelled_throughout())
    assert [axes.get_title(loc="left")[:5] for axes in figure.axes] == ["Given", "The q"]
    assert all(low >= 0 for low, _ in (axes.get_ylim() for axes in figure.axes[:1]))
    drawn(figure)


def contrast(one: str, other: str) -> float:
    """Contrast of two colours by the definition of WCAG 2."""

    def luminance(color: str) -> float:
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_figures_have_no_ground_of_their_own_and_are_read_on_white_and_on_dark():
    from PIL import Image

    from dqkit.report import figures

    pixels = np.asarray(Image.open(io.BytesIO(drawn(overview(labelled_throughout())))))
    assert pixels.shape[2] == 4
    assert (pixels[..., 3] == 0).mean() > 0.5
    for color in (figures.INK, figures.MUTED):
        assert contrast(color, "#ffffff") >= 4.5
        assert contrast(color, "#111111") >= 4
    for color in (figures.ACCENT, figures.WARM, figures.VIOLET):
        assert min(contrast(color, "#ffffff"), contrast(color, "#111111")) >= 3

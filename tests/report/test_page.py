from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import dqkit.report.page as page
from dqkit.records import Dataset, InputError
from dqkit.report import health, load, render, write
from dqkit.report.samples import thumbnail
from tests.report.pets import GIVEN, IDS, make_dataset, make_inputs

VOID = {"meta", "img", "br", "hr", "link", "input", "circle", "rect", "line", "polyline"}
STYLE = Path(page.__file__).parent / "templates" / "style.css"


class Outline(HTMLParser):
    """The tags of a page with their attributes; raises where a tag is closed that is not open."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["style"], ["title"]):
            self.text.append(data)

    def all(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag == name]


def draw(dataset: Dataset, **inputs: Any) -> str:
    found = health(dataset, **inputs, title="Pets")
    html = render(found, dataset)
    assert found["failed_sections"] == []
    return html


def test_the_page_needs_nothing_from_elsewhere(dataset: Dataset, inputs: dict[str, Any]) -> None:
    html = draw(dataset, **inputs)
    outline = Outline(html)
    assert outline.all("script") == []
    assert outline.all("link") == []
    for tag, attributes in outline.tags:
        for name in ("src", "href", "srcset", "data", "action"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:image/")), (tag, value)
    assert "url(" not in html
    assert "@import" not in html


def test_headings_images_tables_and_charts_can_be_read_without_seeing_them(
    dataset: Dataset, inputs: dict[str, Any]
) -> None:
    outline = Outline(draw(dataset, **inputs))
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert outline.all("img")
    assert all(image["alt"] for image in outline.all("img"))
    assert all(head.get("scope") in ("col", "row") for head in outline.all("th"))
    assert all(chart["role"] == "img" and chart["aria-label"] for chart in outline.all("svg"))
    assert outline.all("html") == [{"lang": "en"}]
    ids = [a["id"] for _, a in outline.tags if "id" in a]
    assert len(ids) == len(set(ids))
    targets = {a["href"] for a in outline.all("a")}
    assert targets <= {f"#{name}" for name in ids}


def test_whatever_comes_from_data_is_escaped() -> None:
    evil = '<script>alert("x")</script><img src=x onerror=alert(1)>'
    inputs = make_inputs()
    dataset = make_dataset("text", np.array([evil] * 12, dtype=object), classes=(evil, "dog", "owl"))
    dataset.metadata[evil] = 1
    dataset.problems.loc[0, "message"] = evil
    for frame, column in (("signals", "suggested_label"), ("signals", "reasons"), ("events", "annotator")):
        inputs[frame][column] = evil
    inputs["labels"]["label"] = inputs["labels"]["label"].replace("cat", evil)
    inputs["rounds"][0]["finished"] = evil
    inputs.pop("predictions")
    found = health(dataset, **inputs, title=evil, description=evil, tags=[evil])
    outline = Outline(render(found, dataset))
    assert found["failed_sections"] == []
    assert outline.all("script") == []
    assert all(a.get("onerror") is None for _, a in outline.tags)
    assert evil in "".join(outline.text)


def test_text_is_quoted_and_shortened() -> None:
    dataset = make_dataset("text", np.array(["word " * 100] * 12, dtype=object))
    outline = Outline(draw(dataset, **make_inputs()))
    quoted = [text for text in outline.text if text.startswith("word word")]
    assert quoted
    assert all(len(text) <= 282 and text.endswith("…") for text in quoted)


def test_table_rows_are_short_lists_of_columns_and_values() -> None:
    content = pd.DataFrame({f"c{i}": np.arange(12.0) for i in range(10)})
    content.loc[6, "c1"] = np.nan
    html = draw(make_dataset("table", content), **make_inputs())
    assert "<dt>c0</dt><dd>6</dd>" in html
    assert "<dt>c1</dt><dd><i>missing</i></dd>" in html
    assert "<dt>c8</dt>" not in html
    assert "and 2 more" in html


def test_an_unreadable_sample_is_an_empty_frame_that_says_so(dataset: Dataset, inputs: dict[str, Any]) -> None:
    inputs["signals"].loc["s03", "label_flag"] = True
    html = draw(dataset, **inputs)
    assert "not readable" in html


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ((1, 1), "png"),
        ((8, 8), "png"),
        ((8, 8, 1), "png"),
        ((8, 8, 2), "png"),
        ((8, 8, 3), "png"),
        ((8, 8, 4), "png"),
        ((200, 90), "jpeg"),
        ((200, 90, 3), "jpeg"),
        ((90, 300, 4), "png"),
    ],
)
def test_small_images_are_kept_to_the_pixel_and_large_ones_shrunk(shape: tuple[int, ...], kind: str) -> None:
    import base64
    import io

    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    head, _, data = thumbnail(pixels).partition(",")
    assert head == f"data:image/{kind};base64"
    picture = Image.open(io.BytesIO(base64.b64decode(data)))
    if max(shape[:2]) <= 48:
        assert picture.size == (shape[1], shape[0])
        kept = pixels[:, :, 0] if len(shape) == 3 and shape[2] < 3 else pixels
        np.testing.assert_array_equal(np.asarray(picture), kept)
    else:
        assert max(picture.size) == min(256, max(shape[:2]))


def test_a_section_that_cannot_be_drawn_shows_its_error_and_is_listed(dataset: Dataset, inputs: dict[str, Any]) -> None:
    found = health(dataset, **inputs)
    del found["sections"]["balance"]["classes"]
    html = render(found, dataset)
    assert [f["section"] for f in found["failed_sections"]] == ["balance"]
    assert found["metrics"]["failed_sections"] == 1
    assert "This section could not be made." in html
    assert "1 section could not be made:" in html
    assert 'id="calibration"' in html


def test_a_report_of_nothing_but_the_dataset_can_be_drawn(dataset: Dataset) -> None:
    assert "not judged yet" in draw(dataset)


def test_a_thousand_classes_fit(inputs: dict[str, Any]) -> None:
    names = ["cat", "dog", "owl", *(f"class {i}" for i in range(1000))]
    inputs["summary"]["label_errors"]["noise_matrix"] = np.eye(1003).tolist()
    dataset = make_dataset(classes=tuple(names))
    inputs.pop("predictions")
    html = draw(dataset, **inputs)
    assert "The 20 largest and the 20 smallest of 1003 classes." in html
    assert "The 20 noisiest classes; 983 more are not shown." in html
    assert len(html) < 200_000


def test_a_report_as_large_as_that_on_the_digits_stays_far_below_three_megabytes() -> None:
    n = 1797
    rng = np.random.default_rng(0)
    pixels, labels = rng.integers(0, 17, (n, 8, 8)), rng.integers(0, 10, n)
    ids = [f"digit-{i:04d}" for i in range(n)]
    dataset = Dataset(
        ids=np.array(ids, dtype=object),
        labels=labels.astype(np.int64),
        classes=tuple("0123456789"),
        modality="image",
        content=(pixels * 15).astype(np.uint8),
        split=np.array(["train"] * n, dtype=object),
        metadata=pd.DataFrame(index=ids),
    )
    signals = pd.DataFrame(
        {
            "label_score": 0.9,
            "label_flag": True,
            "suggested_label": "0",
            "entropy": 0.5,
            "outlier_score": 0.5,
            "duplicate_group": np.arange(n) // 8,
        },
        index=ids,
    )
    assert len(draw(dataset, signals=signals)) < 500_000


def test_both_files_are_written_and_read_back(tmp_path: Path, dataset: Dataset, inputs: dict[str, Any]) -> None:
    found = health(dataset, **inputs)
    html = render(found, dataset)
    written = write(tmp_path / "deep" / "health.html", found, html)
    assert written == (tmp_path / "deep" / "health.html", tmp_path / "deep" / "health.json")
    assert written[0].read_text(encoding="utf-8") == html
    assert load(tmp_path / "deep") == load(written[1]) == found
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == ["health.html", "health.json"]


def test_what_cannot_be_written_leaves_the_old_report(
    tmp_path: Path, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = health(dataset)
    write(tmp_path / "health.html", found, "old")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(InputError, match="No space left"):
        write(tmp_path / "health.html", found, "new")
    assert (tmp_path / "health.html").read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["health.html", "health.json"]


def test_the_json_path_is_refused_as_the_path_of_the_page(tmp_path: Path, dataset: Dataset) -> None:
    with pytest.raises(InputError, match="path must name the HTML file"):
        write(tmp_path / "health.json", health(dataset), "x")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "does not exist"),
        ("{", "cannot be read as JSON"),
        ("[]", "is no health record"),
        ('{"metrics": {}}', "is no health record"),
        (json.dumps({"schema": 99, "metrics": {}}), "upgrade dqkit"),
    ],
)
def test_a_record_that_is_none_is_refused_with_the_reason(tmp_path: Path, text: str | None, why: str) -> None:
    if text is not None:
        (tmp_path / "health.json").write_text(text)
    with pytest.raises(InputError, match=why):
        load(tmp_path)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(a: str, b: str) -> float:
    light, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_pair_of_text_and_ground_has_enough_contrast(scheme: int) -> None:
    blocks = re.findall(r":root\s*{([^}]*--paper[^}]*)}", STYLE.read_text())
    colours = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", blocks[scheme]))
    pairs = [(text, ground) for text in ("ink", "soft", "accent") for ground in ("paper", "card")]
    pairs += [(tone, f"{tone}-soft") for tone in ("good", "warn", "bad", "unknown")]
    pairs += [(tone, ground) for tone in ("good", "bad", "warn") for ground in ("card", "paper")]
    pairs += [("ink", "bad-soft"), ("ink", "track"), ("ink", "h1"), ("ink", "h2"), ("ink", "h3")]
    pairs += [("hot", "h5"), ("hot", "h6")]
    low = {pair: round(_contrast(colours[pair[0]], colours[pair[1]]), 2) for pair in pairs}
    low["white", "h4"] = _contrast("#ffffff", colours["h4"])
    assert {pair: ratio for pair, ratio in low.items() if ratio < 4.5} == {}


def test_the_small_dataset_is_what_the_tests_believe(dataset: Dataset) -> None:
    assert dataset.ids.tolist() == IDS
    assert dataset.labels.tolist() == GIVEN

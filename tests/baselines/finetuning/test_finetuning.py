from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dqkit import from_arrays
from dqkit.bars import spoken
from dqkit.baselines import cross_val_predictions
from dqkit.baselines.embedding import lite0
from dqkit.baselines.embedding.embed import embed_pictures
from dqkit.baselines.finetuning import member, training
from dqkit.baselines.finetuning.consent import check_finetune
from dqkit.baselines.finetuning.member import finetuned_member, parted
from dqkit.baselines.finetuning.networks import Start, last_parameters, lite0_trainable, start_of
from dqkit.baselines.finetuning.training import Lesson, Tuning, Watch, batches, judge, tune
from dqkit.baselines.members import FitStopped, Fitted, Task
from dqkit.records import Dataset, DqkitError, InputError, Predictions
from dqkit.rounds.training import Training

transformers = pytest.importorskip("transformers")
SHORT = Tuning(epochs=4, patience=4, rate=1e-3, head_rate=1e-3, batch=8)


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four blocks with weights that were drawn at random."""
    folder = tmp_path_factory.mktemp("vit")
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=32, image_size=16, patch_size=8
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        transformers.ViTModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(autouse=True)
def _on_the_processor(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("gpu") is None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def pictures(n: int = 24, side: int = 64) -> Dataset:
    """Grey noise, lighter or darker; in class 1 a brighter square stands in the middle."""
    rng = np.random.default_rng(0)
    x = rng.integers(60, 120, (n, side, side, 3)).astype(np.uint8)
    x += rng.integers(0, 90, (n, 1, 1, 1)).astype(np.uint8)
    y = np.arange(n) % 2
    x[y == 1, side // 4 : -side // 4, side // 4 : -side // 4] += 20
    return from_arrays(x, y)


def task_of(ds: Dataset, folds: int = 3) -> Task:
    y = np.asarray(ds.labels, dtype=np.int64)
    return Task(ds, y, np.arange(len(y)) // 2 % folds, 0)


def started(task: Task, vit: Path) -> Start:
    start = start_of(task, vit, photos=True)
    assert start is not None
    return start


def lesson_of(task: Task, start: Start) -> Lesson:
    train, check = parted(task, 0)
    features = embed_pictures(task.dataset, start.encoder, None, progress=False)
    return Lesson(task.dataset, train, check, task.y, features, task.n_classes)


def mean_loss(model: training.Model, lesson: Lesson, start: Start) -> float:
    logits = judge(model, lesson.dataset, start, lesson.train, 8).astype(np.float64)
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return float(-logs[np.arange(len(logits)), lesson.y[lesson.train]].mean())


def test_the_training_lowers_the_loss_and_moves_the_last_blocks_only(vit: Path) -> None:
    task = task_of(pictures(40))
    start = started(task, vit)
    lesson = lesson_of(task, start)
    before = training.probed(lesson, start)
    tuned = tune(lesson, start, replace(SHORT, rate=3e-3), 0, Watch(task.tell, task.stop))
    assert tuned.losses[-1] < tuned.losses[0]
    assert tuned.best > 0
    assert mean_loss(tuned.model, lesson, start) < mean_loss(before, lesson, start)
    assert tuned.checked[tuned.best] == min(tuned.checked)
    pairs = list(zip(before.body.last, tuned.model.body.last, strict=True))
    assert sum(not torch.equal(a, b) for a, b in pairs) > len(pairs) / 2
    again = training.loss_on(tuned.model, lesson, start, SHORT)
    assert again == tuned.checked[tuned.best]


def test_a_pass_that_makes_it_worse_is_taken_back_to_the_probe(vit: Path) -> None:
    task = task_of(pictures())
    start = started(task, vit)
    lesson = lesson_of(task, start)
    wild = replace(SHORT, rate=30.0, head_rate=300.0, patience=2, epochs=9)
    tuned = tune(lesson, start, wild, 0, Watch(task.tell, task.stop))
    assert (tuned.best, len(tuned.losses)) == (0, 2)
    probe = judge(training.probed(lesson, start), task.dataset, start, task.labeled, 8)
    np.testing.assert_array_equal(judge(tuned.model, task.dataset, start, task.labeled, 8), probe)


def test_held_out_labels_never_reach_the_model_of_their_fold(vit: Path) -> None:
    task = task_of(pictures())
    y = task.y.copy()
    y[task.folds == 0] = 1 - y[task.folds == 0]
    turned = replace(task, y=y)
    out = [
        np.asarray(finetuned_member(t, started(t, vit), None, SHORT).fit(0, 5)(np.arange(24))) for t in (task, turned)
    ]
    np.testing.assert_array_equal(out[0], out[1])
    seen = finetuned_member(turned, started(turned, vit), None, SHORT).fit(1, 5)(np.arange(24))
    assert not np.array_equal(seen, finetuned_member(task, started(task, vit), None, SHORT).fit(1, 5)(np.arange(24)))


def test_the_validation_part_is_of_the_training_samples_and_keeps_groups_together() -> None:
    task = task_of(pictures(60))
    groups = np.arange(60) // 4
    task = replace(task, folds=groups % 3, together=groups)
    train, check = parted(task, 0)
    assert sorted([*train, *check]) == task.training(0).tolist()
    assert not set(groups[train]) & set(groups[check])
    assert len(check) == 8


def test_a_class_with_one_training_sample_is_learned_from() -> None:
    task = task_of(pictures(60))
    for single in range(60):
        if task.folds[single] != 0:
            y = task.y.copy()
            y[single] = 2
            train, _ = parted(replace(task, y=y), 0)
            assert single in train


def test_too_few_samples_are_refused_by_name() -> None:
    task = task_of(pictures(4), folds=2)
    with pytest.raises(DqkitError, match="fine-tuning needs samples of two classes"):
        parted(replace(task, together=np.zeros(4, dtype=np.int64)), 0)


def test_the_same_seed_gives_the_same_member_and_leaves_the_global_generator_alone(vit: Path) -> None:
    task = task_of(pictures())
    state = torch.random.get_rng_state()
    fits = [finetuned_member(task, started(task, vit), None, SHORT).fit(0, seed) for seed in (1, 1, 2)]
    out = [np.asarray(fit(np.arange(24))) for fit in fits]
    np.testing.assert_array_equal(out[0], out[1])
    assert not np.array_equal(out[0], out[2])
    assert torch.equal(torch.random.get_rng_state(), state)
    assert isinstance(fits[0], Fitted)
    assert [check for check, _, _ in fits[0].checks] == ["finite losses", "early stop"]


def test_an_interrupted_call_ends_the_training(vit: Path) -> None:
    task = task_of(pictures())
    start = started(task, vit)
    task.stop.set()
    with pytest.raises(FitStopped):
        tune(lesson_of(task, start), start, SHORT, 0, Watch(task.tell, task.stop))


def test_pictures_are_read_from_their_originals_batch_by_batch(vit: Path, tmp_path: Path) -> None:
    ds = pictures(10)
    paths = []
    for i in range(10):
        paths.append(str(tmp_path / f"{i}.png"))
        Image.fromarray(np.full((40, 40, 3), 20 * i, dtype=np.uint8)).save(paths[-1])
    ds = replace(ds, paths=np.array(paths, dtype=object))
    start = started(task_of(ds), vit)
    made = list(batches(ds, start, np.array([7, 2, 5]), 2))
    assert [tuple(x.shape) for x in made] == [(2, 3, 16, 16), (1, 3, 16, 16)]
    grey = [float(x.mean()) for part in made for x in part]
    expected = [(20 * i / 255 - np.mean([0.485, 0.456, 0.406])) for i in (7, 2, 5)]
    np.testing.assert_array_equal(np.argsort(grey), np.argsort(expected))
    assert all(float(x.std(dim=(1, 2)).max()) < 1e-5 for part in made for x in part)


def test_half_of_the_pictures_are_mirrored_and_the_other_half_in_the_next_pass(
    vit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ds = pictures()
    rows = np.zeros((24, 16, 16, 3), dtype=np.uint8)
    rows[:, :, 8:] = (10 * np.arange(24))[:, None, None, None]  # its column says which picture it is, and on which side
    ds = replace(ds, content=rows)
    task = task_of(ds)
    start = started(task, vit)
    lesson = lesson_of(task, start)
    seen: list[float] = []
    plain = training.Model.__call__

    def watched(self: training.Model, x: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled():
            seen.extend((x[:, 0, 0, -1] - x[:, 0, 0, 0]).tolist())
        return plain(self, x)

    monkeypatch.setattr(training.Model, "__call__", watched)
    tune(lesson, start, replace(SHORT, epochs=2, batch=5), 0, Watch(task.tell, task.stop))
    first, second = seen[: len(lesson.train)], seen[len(lesson.train) :]
    np.testing.assert_allclose(np.sort(first), np.sort(-np.array(second)), atol=1e-6)
    assert min(first) < 0 < max(first)


def test_the_last_quarter_of_the_blocks_and_what_follows_is_trained(vit: Path) -> None:
    network = transformers.AutoModel.from_pretrained(str(vit))
    chosen = {id(p) for p in last_parameters(network)}
    names = [name for name, p in network.named_parameters() if id(p) in chosen]
    assert all(".3." in name or name.startswith(("layernorm", "pooler")) for name in names)
    assert sum(".3." in name for name in names) == sum(".0." in name for name, _ in network.named_parameters())
    with pytest.raises(InputError, match="cannot tell the blocks of Linear"):
        last_parameters(torch.nn.Linear(2, 2))


def test_finished_folds_are_not_trained_again(vit: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    whole = tune

    def counted(lesson: Lesson, start: Start, tuning: Tuning, seed: int, watch: Watch) -> training.Tuned:
        calls.append(seed)
        return whole(lesson, start, replace(tuning, epochs=1), seed, watch)

    monkeypatch.setattr(member, "tune", counted)

    def predict() -> np.ndarray:
        out = cross_val_predictions(
            pictures(), folds=3, pretrained=vit, finetune="anyway", checkpoint_dir=tmp_path, progress=False
        )
        assert out.members == ("ridge", "kernel", "finetuned")
        return np.asarray(out.member_probs[2])

    first = predict()
    assert len(calls) == 3
    np.testing.assert_array_equal(predict(), first)
    assert len(calls) == 3
    next(iter(tmp_path.glob("finetuned-fold1-*.npz"))).unlink()
    np.testing.assert_array_equal(predict(), first)
    assert len(calls) == 4


def unlearned() -> tuple[Task, Start, Lesson]:
    """The installed network before labels that say nothing of the pictures, so that the probe leaves much to learn."""
    ds = pictures(48)
    task = task_of(replace(ds, labels=np.random.default_rng(1).integers(0, 2, 48)))
    start = start_of(task, None, photos=False)
    assert start is not None
    return task, start, lesson_of(task, start)


@pytest.mark.slow
def test_the_installed_network_is_fine_tuned() -> None:
    task, start, lesson = unlearned()
    tuned = tune(lesson, start, Tuning(epochs=4, patience=4, batch=8), 0, Watch(task.tell, task.stop))
    assert tuned.losses[-1] < tuned.losses[0]


def test_the_trainable_copy_of_the_installed_network_gives_its_features() -> None:
    body = lite0_trainable(torch.device("cpu"))
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = lite0.load(torch.float32)(x)
        found = body.forward(x)
    np.testing.assert_array_equal(found.numpy(), expected.numpy())
    # Blocks 12 to 15: three convolutions each, of which each has a weight and a bias; and the head.
    assert len(body.last) == 4 * 3 * 2 + 2
    assert body.forward(x).requires_grad


REFUSED: list[tuple[Callable[[], Dataset], dict[str, object], str]] = [
    (pictures, {"finetune": "yes"}, "finetune must be False, True or 'anyway'; got 'yes'"),
    (pictures, {"finetune": 1}, "finetune must be False, True or 'anyway'; got 1"),
    (lambda: from_arrays(np.eye(4), [0, 1, 0, 1]), {"finetune": "anyway"}, "with images; got a dataset of tables"),
    (
        lambda: from_arrays(np.array(["a", "b", "c", "d"], dtype=object), [0, 1, 0, 1]),
        {"finetune": True},
        "with images; got a dataset of texts",
    ),
    (pictures, {"finetune": "anyway", "pretrained": False}, "needs a pretrained network; got pretrained=False"),
    (pictures, {"finetune": "anyway", "pretrained": (torch.nn.Flatten(), abs)}, "the last blocks; got pretrained="),
]


@pytest.mark.parametrize(("data", "told", "said"), REFUSED)
def test_what_cannot_be_fine_tuned_is_refused(
    data: Callable[[], Dataset], told: dict[str, object], said: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        cross_val_predictions(data(), folds=2, checkpoint_dir=tmp_path / "kept", progress=False, **told)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=said.replace("(", r"\(")):
        Training(folds=2, **told).checked(data())  # type: ignore[arg-type]
    assert not (tmp_path / "kept").exists()


def test_without_a_gpu_true_is_refused_with_the_time_it_would_take(monkeypatch: pytest.MonkeyPatch, vit: Path) -> None:
    monkeypatch.setattr("dqkit.baselines.embedding.forecast.seconds_each", lambda *_: 0.5)
    # 24 pictures, 5 folds: 10 passes of 4/5 of them, of which 4/5 cost one and a half looks and 1/5 one; then the rest.
    hours = 0.5 * 24 * 5 * (10 * 0.8 * (1.5 * 0.8 + 0.2) + 0.2)
    with pytest.raises(
        InputError, match=r"finetune=True needs a GPU.* up to about .*\. Pass finetune='anyway'"
    ) as told:
        check_finetune(True, pictures(), None, 5)
    assert spoken(hours) in str(told.value)
    with pytest.raises(InputError, match="many times as long as everything else"):
        check_finetune(True, pictures(), vit, 5)
    for allowed in (False, "anyway"):
        check_finetune(allowed, pictures(), None, 5)


def test_a_round_keeps_the_setting_and_own_predictions_refuse_it() -> None:
    assert "finetune" not in Training().settings
    assert Training(finetune="anyway").settings["finetune"] == Training(finetune=True).settings["finetune"] == "True"
    own = Predictions.from_arrays(np.full((24, 2), 0.5), ids=list(pictures().ids), classes=pictures().classes)
    with pytest.raises(InputError, match=r"predictions must come alone.*finetune"):
        Training(own=own, finetune=True).checked(pictures())


def test_an_estimator_of_the_same_name_is_refused(vit: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    named = {"finetuned": LogisticRegression()}
    with pytest.raises(InputError, match="estimators must not be named 'finetuned'"):
        cross_val_predictions(pictures(), named, folds=2, pretrained=vit, finetune="anyway", progress=False)


@pytest.mark.gpu
def test_the_installed_network_is_fine_tuned_on_the_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA here")
    out = cross_val_predictions(pictures(48), folds=3, finetune=True, progress=False)
    assert out.members[-1] == "finetuned"
    assert (out.member_probs[-1].argmax(axis=1) == pictures(48).labels).mean() > 0.8
    task, start, lesson = unlearned()
    tuned = tune(lesson, start, Tuning(epochs=4, patience=4, batch=8), 0, Watch(task.tell, task.stop))
    assert tuned.losses[-1] < tuned.losses[0]
    assert tuned.model.device.type == "cuda"

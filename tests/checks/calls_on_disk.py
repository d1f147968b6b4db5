"""A valid small call of every public function and method that holds files, a database or an object of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

import dqkit as dq
from dqkit import acquisition, baselines, export, findings, records, report, rounds, signals, store, workbench
from dqkit.datasets.pixels import decode
from dqkit.store.rounds import Kept
from tests.checks.calls import DATASET, FEATURES, HEALTH, IDS, LABELS, PREDICTIONS, PROBS, SIGNALS, N, vote
from tests.checks.places import EVENT, FINDING, Place

Call = tuple[Callable[..., Any], dict[str, Any]]
AUDIT = findings.Audit.of(DATASET, predictions=PREDICTIONS, signals=SIGNALS.table, summary=SIGNALS.summary)
SNAPSHOT = rounds.Snapshot.of(DATASET)
TRAINING = rounds.Training(own=PREDICTIONS)
SETTINGS = rounds.RoundSettings(budget=2, training=TRAINING)
QUEUE = [("s3", "label", False), ("s4", "relabel", True)]
KEPT = Kept(Path("nowhere"), "v", {})
NO_BAR = {"progress": False}
MORE = dq.from_arrays(FEATURES[:2] + 9, ["no", "yes"], ids=["t0", "t1"])
STRAY = records.LabelEvent("e8", "s1", "undo", None, "human", "ana", "2026-01-02T00:00:00.000+00:00", 1, "", "e1")
ANSWERS = pd.DataFrame({"sample_id": ["s5"], "label": ["no"]})


@cache
def _result() -> Any:
    with TemporaryDirectory() as folder:
        return rounds.run(SNAPSHOT, SETTINGS, checkpoints=Path(folder), progress=False)


def _saved(place: Place) -> Any:
    result = _result()
    rounds.save(place.folder / "round", result)
    return result.metrics


def _training(place: Place) -> Call:
    import torch

    given = {"model": torch.nn.Linear(3, 2), "x": torch.ones(N, 3), "y": torch.arange(N) % 2, "n_classes": 2}
    return baselines.check_training, {**given, "steps": 2, "rate": 0.01}


def _torch_dataset(place: Place) -> Call:
    place.bench.export(place.folder / "out", "torch", overwrite=True, progress=False)
    return export.TorchDataset, {"folder": place.folder / "out", "split": "train", "labeled": True}


def _pictures(place: Place) -> dq.Workbench:
    ds = dq.from_folder(place.folder / "photos", progress=False)
    return place.keep(dq.Workbench.create(place.folder / f"pictures{len(list(place.folder.iterdir()))}", ds))


def _committing(place: Place) -> Call:
    _, given = _finishing(place)
    return place.bench.store.commit_round, {**given, "rows": QUEUE, "kept": KEPT}


def _finishing(place: Place) -> Call:
    place.bench.store.start_round(2, budget=1, seed=0, started="2026", settings={})
    return place.bench.store.finish_round, {"number": 2, "finished": "2026", "metrics": {"a": 1}}


def _of_a_bench(method: str, **arguments: Any) -> Callable[[Place], Call]:
    return lambda place: (getattr(place.bench, method), arguments)


def _of_a_store(method: str, **arguments: Any) -> Callable[[Place], Call]:
    return lambda place: (getattr(place.bench.store, method), arguments)


def _of_an_audit(method: str, **arguments: Any) -> Callable[[Place], Call]:
    return lambda place: (getattr(AUDIT, method), arguments)


BENCH: dict[str, Callable[[Place], Call]] = {
    "dqkit.Workbench.create": lambda p: (
        dq.Workbench.create,
        {
            "path": p.folder / "new",
            "dataset": DATASET,
            "title": "t",
            "description": "d",
            "tags": ["a"],
            "store_url": None,
        },
    ),
    "dqkit.Workbench.open": lambda p: (dq.Workbench.open, {"path": p.folder / "wb", "root": None, "store_url": None}),
    "dqkit.workbench.rebuild": lambda p: (workbench.rebuild, {"path": p.folder / "wb", "dataset": DATASET, **NO_BAR}),
    "dqkit.Workbench.add": _of_a_bench("add", dataset=MORE),
    "dqkit.Workbench.add_class": _of_a_bench("add_class", name="maybe", annotator="ana"),
    "dqkit.Workbench.add_weak_labels": _of_a_bench(
        "add_weak_labels", functions=[vote], min_probability=0.8, model="naive_bayes", progress=False, seed=0
    ),
    "dqkit.Workbench.advice": _of_a_bench("advice", budget_left=5),
    "dqkit.Workbench.agreement": _of_a_bench("agreement"),
    "dqkit.Workbench.apply": _of_a_bench("apply", source=ANSWERS, annotator="cem"),
    "dqkit.Workbench.changes": _of_a_bench("changes", since=1, weak=False),
    "dqkit.Workbench.changes_page": lambda p: (
        p.bench.changes_page,
        {"path": p.folder / "changes.html", "since": 1, "weak": False, "overwrite": False},
    ),
    "dqkit.Workbench.close": _of_a_bench("close"),
    "dqkit.Workbench.dataset_now": _of_a_bench("dataset_now", weak=True),
    "dqkit.Workbench.export": lambda p: (
        p.bench.export,
        {
            "path": p.folder / "out.csv",
            "format": "csv",
            "labels": "all",
            "weak": False,
            "drop": ["flagged"],
            "overwrite": False,
            "files": "copy",
            "spreadsheet": False,
            **NO_BAR,
        },
    ),
    "dqkit.Workbench.gallery": lambda p: (_pictures(p).gallery, {"sample_ids": ["cat/p0.png"], "captions": ["c"]}),
    "dqkit.Workbench.history": _of_a_bench("history", sample_id="s1"),
    "dqkit.Workbench.labeler": _of_a_bench("labeler", annotator="ana", overlap=1),
    "dqkit.Workbench.labels": _of_a_bench("labels"),
    "dqkit.Workbench.open_queue": _of_a_bench("open_queue"),
    "dqkit.Workbench.page_checks": _of_a_bench("page_checks"),
    "dqkit.Workbench.record": _of_a_bench(
        "record", sample_id="s5", label="no", annotator="ana", kind="label", why="w", source="human", event_id="e5"
    ),
    "dqkit.Workbench.report": lambda p: (p.bench.report, {"path": p.folder / "new.html"}),
    "dqkit.Workbench.rerank": _of_a_bench("rerank", budget=3, strategy="margin"),
    "dqkit.Workbench.review": lambda p: (
        p.bench.review,
        {"changes": p.bench.changes(), "annotator": "cem", "approve": ["s1"], "revert": ["s2"], "why": "w"},
    ),
    "dqkit.Workbench.reviews": _of_a_bench("reviews"),
    "dqkit.Workbench.run_round": _of_a_bench(
        "run_round",
        budget=2,
        seed=0,
        estimators=None,
        folds=2,
        audit_share=0.2,
        strategy="margin",
        human_error=0.02,
        costs={"label": 2.0},
        min_share={"label": 0.1},
        class_quota={"no": 1},
        pretrained=None,
        network=None,
        imbalance=None,
        groups=None,
        predictions=PREDICTIONS,
        exclude=(),
        progress=False,
        budget_minutes=None,
        finetune=False,
    ),
    "dqkit.Workbench.undo": _of_a_bench("undo", annotator="ana", undoes="e1", event_id="e6"),
    "dqkit.Workbench.undo_batch": _of_a_bench(
        "undo_batch", annotator="ana", since="2020-01-01", until="2040-01-01", round=1, by="bea", why="w"
    ),
    "dqkit.Round.plot": lambda p: (p.bench.rounds[-1].plot, {}),
    "dqkit.Round.review_plan": lambda p: (p.bench.rounds[-1].review_plan, {"labels": 5}),
    "dqkit.Round.review_slider": lambda p: (p.bench.rounds[-1].review_slider, {}),
    "dqkit.relabel.Labeler.close": lambda p: (p.bench.labeler("ana").close, {}),
    "dqkit.relabel.Labeler.open": lambda p: (p.bench.labeler("ana").open, {}),
}

STORE: dict[str, Callable[[Place], Call]] = {
    "dqkit.store.Store": lambda p: (
        store.Store,
        {"url": f"sqlite:///{p.folder / 'new.sqlite'}", "workbench": "w", "may_create": True},
    ),
    "dqkit.store.Store.answered_by_others": _of_a_store("answered_by_others", sample_ids=["s1"], annotator="ana"),
    "dqkit.store.Store.close": lambda p: (p.bench.store.close, {}),
    "dqkit.store.Store.commit_ranking": _of_a_store("commit_ranking", number=1, rows=QUEUE, kept=KEPT),
    "dqkit.store.Store.commit_round": _committing,
    "dqkit.store.Store.confirmations": _of_a_store("confirmations"),
    "dqkit.store.Store.current_labels": _of_a_store("current_labels", weak=False),
    "dqkit.store.Store.drop_round": _of_a_store("drop_round", number=2),
    "dqkit.store.Store.enqueue": _of_a_store("enqueue", round_number=1, rows=QUEUE),
    "dqkit.store.Store.events": _of_a_store("events", sample_id="s1"),
    "dqkit.store.Store.fetch_files": lambda p: (p.bench.store.fetch_files, {"number": 1, "folder": p.folder}),
    "dqkit.store.Store.find": _of_a_store("find", event_id="e1"),
    "dqkit.store.Store.finish_round": _finishing,
    "dqkit.store.Store.human_votes": _of_a_store("human_votes", sample_ids=["s1"]),
    "dqkit.store.Store.keep_files": _of_a_store("keep_files", number=1, kept=KEPT),
    "dqkit.store.Store.latest_decisions": _of_a_store("latest_decisions"),
    "dqkit.store.Store.latest_live": _of_a_store("latest_live", annotator="ana", limit=3, sources=["human"]),
    "dqkit.store.Store.lease": _of_a_store("lease", n=2, annotator="ana", exclude=["s1"], seconds=9.0, only=["s2"]),
    "dqkit.store.Store.live_decisions": _of_a_store(
        "live_decisions", annotator="ana", since="2020", until="2040", round_number=1
    ),
    "dqkit.store.Store.newest_round": _of_a_store("newest_round"),
    "dqkit.store.Store.overlap": _of_a_store("overlap", people=2, share=0.5),
    "dqkit.store.Store.progress": _of_a_store("progress"),
    "dqkit.store.Store.queue_states": _of_a_store("queue_states", round_number=1),
    "dqkit.store.Store.record": _of_a_store("record", new=[EVENT]),
    "dqkit.store.Store.release": _of_a_store("release", annotator="ana"),
    "dqkit.store.Store.requeue": _of_a_store("requeue", round_number=1, rows=QUEUE),
    "dqkit.store.Store.rounds": _of_a_store("rounds"),
    "dqkit.store.Store.start_round": _of_a_store(
        "start_round", number=2, budget=3, seed=0, started="2026", settings={"a": 1}
    ),
    "dqkit.store.Store.undo": _of_a_store("undo", event=STRAY),
    "dqkit.store.Store.undo_all": _of_a_store("undo_all", undos=[STRAY]),
}

RECORDS: dict[str, Callable[[Place], Call]] = {
    "dqkit.Audit.of": lambda p: (
        findings.Audit.of,
        {
            "dataset": DATASET,
            "labels": None,
            "predictions": PREDICTIONS,
            "signals": SIGNALS.table,
            "summary": SIGNALS.summary,
            "neighbors": None,
            "journal": None,
            "sample": None,
        },
    ),
    "dqkit.Audit.id_at": _of_an_audit("id_at", position=1),
    "dqkit.Audit.ids_at": _of_an_audit("ids_at", positions=[1, 2]),
    "dqkit.Audit.need_model": _of_an_audit("need_model"),
    "dqkit.Audit.signal": _of_an_audit("signal", name="entropy"),
    "dqkit.Audit.signal_flags": _of_an_audit("signal_flags", name="label_flag"),
    "dqkit.Audit.signal_table": _of_an_audit("signal_table"),
    "dqkit.Audit.signal_texts": _of_an_audit("signal_texts", name="suggested_label"),
    "dqkit.Audit.told": _of_an_audit("told", name="calibration"),
    "dqkit.acquisition.QueueOptions": lambda p: (
        acquisition.QueueOptions,
        {
            "audit_share": 0.1,
            "strategy": "margin",
            "human_error": 0.1,
            "costs": {"label": 1.0},
            "min_share": {"label": 0.1},
            "class_quota": {"no": 1},
            "noise_rate": 0.1,
        },
    ),
    "dqkit.acquisition.QueueOptions.described": lambda p: (acquisition.QueueOptions().described, {}),
    "dqkit.acquisition.QueueOptions.from_described": lambda p: (
        acquisition.QueueOptions.from_described,
        {"told": acquisition.QueueOptions().described()},
    ),
    "dqkit.baselines.check_finetune": lambda p: (
        baselines.check_finetune,
        {"finetune": False, "dataset": DATASET, "pretrained": None, "folds": 2},
    ),
    "dqkit.baselines.check_training": _training,
    "dqkit.baselines.describe_estimators": lambda p: (baselines.describe_estimators, {"estimators": None}),
    "dqkit.cross_val_predictions": lambda p: (
        dq.cross_val_predictions,
        {
            "ds": DATASET,
            "estimators": _estimators(),
            "folds": 2,
            "seed": 0,
            "checkpoint_dir": p.folder / "checkpoints",
            "groups": None,
            "pretrained": None,
            "network": None,
            "imbalance": None,
            "tensorboard": None,
            "budget_minutes": None,
            "finetune": False,
            **NO_BAR,
        },
    ),
    "dqkit.register_check": lambda p: (
        dq.register_check,
        {"function": lambda audit: None, "name": "mine", "title": "t", "threshold": 0.5},
    ),
    "dqkit.unregister_check": lambda p: (dq.unregister_check, {"name": "mine"}),
    "dqkit.datasets.pixels.Decoded.problems": lambda p: (
        decode([p.folder / "photos" / "cat" / "p0.png", p.folder / "table.csv"], progress=False).problems,
        {"ids": ["a", "b"]},
    ),
    "dqkit.export.Material.of": lambda p: (export.Material.of, {"dataset": DATASET}),
    "dqkit.export.TorchDataset": _torch_dataset,
    "dqkit.export.export": lambda p: (
        export.export,
        {
            "material": export.Material.of(DATASET),
            "path": p.folder / "out",
            "format": "numpy",
            "options": export.Options(progress=False),
            "forbidden": [p.folder / "wb"],
        },
    ),
    "dqkit.findings.Outcome.line": lambda p: (findings.Outcome("problems", 1.0, "max", 2.0).line, {}),
    "dqkit.findings.find": lambda p: (findings.find, {"audit": AUDIT, "checks": None, "known": [FINDING]}),
    "dqkit.findings.load": lambda p: (findings.load, {"folder": p.folder / "findings"}),
    "dqkit.findings.next_steps": lambda p: (findings.next_steps, {"findings": [FINDING]}),
    "dqkit.findings.save": lambda p: (findings.save, {"folder": p.folder / "more", "findings": [FINDING]}),
    "dqkit.findings.verdict": lambda p: (findings.verdict, {"findings": [FINDING], "metrics": {"problems": 1.0}}),
    "dqkit.findings.with_scores": lambda p: (
        findings.with_scores,
        {"signals": SIGNALS.table, "findings": [FINDING]},
    ),
    "dqkit.records.size_columns": lambda p: (records.size_columns, {"columns": ["width", "height"]}),
    "dqkit.report.load": lambda p: (report.load, {"path": p.folder / "health.json"}),
    "dqkit.report.record": lambda p: (
        report.record,
        {"findings": [FINDING], "title": "t", "n_samples": 8, "description": "d", "tags": ["a"], "created": "2026"},
    ),
    "dqkit.report.write": lambda p: (
        report.write,
        {"path": p.folder / "new.html", "health": HEALTH, "html": "<p></p>"},
    ),
    "dqkit.rounds.RoundSettings.checked": lambda p: (SETTINGS.checked, {"dataset": DATASET}),
    "dqkit.rounds.RoundSettings.described": lambda p: (SETTINGS.described, {}),
    "dqkit.rounds.Snapshot.of": lambda p: (rounds.Snapshot.of, {"dataset": DATASET}),
    "dqkit.rounds.Snapshot.status": lambda p: (SNAPSHOT.status, {}),
    "dqkit.rounds.Snapshot.reviewed": lambda p: (SNAPSHOT.reviewed, {}),
    "dqkit.rounds.Training.checked": lambda p: (TRAINING.checked, {"dataset": DATASET}),
    "dqkit.rounds.Training.grouped": lambda p: (rounds.Training(groups=IDS).grouped, {"dataset": DATASET}),
    "dqkit.rounds.Training.predict": lambda p: (
        TRAINING.predict,
        {"dataset": DATASET, "seed": 0, "folder": p.folder, "progress": False},
    ),
    "dqkit.rounds.load": lambda p: (rounds.load, {"metrics": _saved(p), "folder": p.folder / "round"}),
    "dqkit.rounds.rerank": lambda p: (
        rounds.rerank,
        {"snapshot": SNAPSHOT, "before": _result(), "settings": SETTINGS, "answered": ["s1"]},
    ),
    "dqkit.rounds.run": lambda p: (
        rounds.run,
        {"snapshot": SNAPSHOT, "settings": SETTINGS, "checkpoints": p.folder / "c", "title": "t", **NO_BAR},
    ),
    "dqkit.rounds.save": lambda p: (rounds.save, {"folder": p.folder / "photos", "result": _result()}),
    "dqkit.signals.LabelErrors.expected_precision": lambda p: (
        signals.label_errors(LABELS, PROBS).expected_precision,
        {"k": 2},
    ),
    "dqkit.signals.LabelErrors.updated": lambda p: (
        signals.label_errors(LABELS, PROBS).updated,
        {"rows": [0, 3], "wrong": [True, False]},
    ),
    "dqkit.signals.group_leakage": lambda p: (
        signals.group_leakage,
        {"groups": ["a", "a", "b"], "split": ["train", "test", "test"]},
    ),
}


def _estimators() -> Any:
    from sklearn.linear_model import LogisticRegression

    return {"line": LogisticRegression()}

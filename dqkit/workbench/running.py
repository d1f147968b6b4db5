"""One round, from current labels to a queue; whatever was finished before an interruption is not done again."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from dqkit.files import replace, write_json
from dqkit.records import ACTIONS, HUMAN_SOURCES, Dataset, InputError, Predictions
from dqkit.workbench.classes import refresh, widened
from dqkit.workbench.evidence import drawn, drawn_rows, noise_rate
from dqkit.workbench.project import now
from dqkit.workbench.results import Round, write_predictions
from dqkit.workbench.training import Training

if TYPE_CHECKING:
    from dqkit.signals import SignalTable
    from dqkit.workbench.bench import Workbench

STAGES = ("baselines", "signals", "queue")
SHARING = ("costs", "min_share", "class_quota", "human_error")


def run_round(
    bench: Workbench,
    budget: int,
    seed: int,
    training: Training,
    control: float,
    strategy: str,
    progress: bool,
    sharing: dict[str, Any],
) -> Round:
    """See `Workbench.run_round`."""
    _check_settings(budget, seed, training.folds, control, strategy, sharing)
    refresh(bench)
    training = training.checked(bench.dataset)
    strange = [name for name in sharing.get("class_quota") or () if name not in bench.dataset.classes]
    if strange:
        raise InputError(f"class_quota must name classes of {list(bench.dataset.classes)}; got {strange[0]!r}.")
    with bench.store.only_runner(bench.path):
        trained_on, audited = bench.dataset_now(weak=True), training.grouped(bench.dataset_now())
        settings = {**training.settings, "control": control, "strategy": strategy, **_plain(sharing)}
        number = _open_round(bench, int(budget), int(seed), settings)
        folder = bench.path / "rounds" / f"{number:04d}"
        folder.mkdir(parents=True, exist_ok=True)
        # The labels this round was computed from: with the seed, all that it takes to do it again.
        replace(folder / "labels.parquet", lambda partial: bench.labels().to_parquet(partial))
        bar = tqdm(STAGES, desc=f"round {number}", disable=not progress, leave=False)
        stages = iter(bar)

        bar.set_postfix_str(next(stages))
        predictions = training.predict(trained_on, seed, bench.path / "checkpoints", progress)
        write_predictions(folder, predictions)

        bar.set_postfix_str(next(stages))
        from dqkit.signals import signal_table

        found = signal_table(audited, predictions, seed=seed)
        replace(folder / "signals.parquet", lambda partial: found.table.to_parquet(partial))
        write_json(folder / "summary.json", _finite(found.summary))
        if found.neighbors is not None:
            indices = np.asarray(found.neighbors.indices)
            np.save(folder / "neighbors.npy", indices, allow_pickle=False)

        bar.set_postfix_str(next(stages))
        queue = _queue(bench, number, found.table, predictions, audited, int(budget), seed, control, strategy, sharing)
        rows = drawn_rows(queue, found.table, bench.labels(), ~audited.is_test & audited.is_usable)
        replace(folder / "drawn.parquet", lambda partial: rows.to_parquet(partial))
        replace(folder / "queue.parquet", lambda partial: queue.to_parquet(partial, index=False))
        bench.store.enqueue(number, zip(queue["sample_id"], queue["action"], queue["control"], strict=True))
        metrics = _metrics(bench.labels(), trained_on, predictions, found)
        bench.store.keep_files(number, folder)
        bench.store.finish_round(number, finished=now(), metrics=_finite(metrics))
        bar.close()
    return bench.rounds[-1]


def rerank(bench: Workbench, *, budget: int | None, strategy: str | None) -> Round:
    """See `Workbench.rerank`."""
    if not bench.rounds:
        raise InputError("There is no round to rank again; run wb.run_round(budget=...) first.")
    with bench.store.only_runner(bench.path):
        rnd = bench.rounds[-1]
        about = bench.store.rounds()[-1]
        if about["status"] == "running":
            raise InputError(f"Round {about['round']} is not finished; call wb.run_round as before to finish it first.")
        settings = about["settings"]
        size = rnd.budget if budget is None else budget
        how = settings["strategy"] if strategy is None else strategy
        sharing = {name: settings[name] for name in SHARING if name in settings}
        _check_settings(size, rnd.seed, settings["folds"], settings["control"], how, sharing)

        from dqkit.acquisition.queue.worth import checked_costs
        from dqkit.signals import signal_table

        audited = bench.dataset_now()
        predictions = widened(rnd.predictions, audited.classes)
        found = signal_table(audited, predictions, seed=rnd.seed)
        states = bench.store.queue_states(rnd.number)
        answered = states.loc[states["state"] != "open", "sample_id"]
        kept = rnd.queue[rnd.queue["sample_id"].isin(answered)]
        price = kept["action"].map(checked_costs(sharing.get("costs"), ACTIONS)).astype(float)
        left = max(float(size - price.sum()), 0.0)
        # The share of the random slice holds for the whole round, whatever of it is answered.
        missing = settings["control"] * size - float(price[kept["control"]].sum())
        control = min(max(missing / left, 0.0), 1.0) if left else 0.0
        fresh = _queue(
            bench,
            rnd.number,
            found.table,
            predictions,
            audited,
            left,
            rnd.seed,
            control,
            how,
            sharing,
            answered=kept["sample_id"].tolist(),
        )
        queue = pd.concat([kept, fresh], ignore_index=True)
        in_play = ~audited.is_test & audited.is_usable
        before = drawn(bench, rnd).loc[kept["sample_id"]]
        now_drawn = pd.concat([before, drawn_rows(fresh, found.table, bench.labels(), in_play)])
        replace(rnd.folder / "signals.parquet", lambda partial: found.table.to_parquet(partial))
        write_json(rnd.folder / "summary.json", _finite(found.summary))
        replace(rnd.folder / "drawn.parquet", lambda partial: now_drawn.to_parquet(partial))
        replace(rnd.folder / "queue.parquet", lambda partial: queue.to_parquet(partial, index=False))
        bench.store.requeue(rnd.number, zip(fresh["sample_id"], fresh["action"], fresh["control"], strict=True))
        bench.store.keep_files(rnd.number, rnd.folder)
        bench._rounds.pop(rnd.number, None)  # it was read before it was ranked again
    return bench.rounds[-1]


def _check_settings(budget: int, seed: int, folds: int, control: float, strategy: str, sharing: dict[str, Any]) -> None:
    """All of it before anything is trained or written: a round takes minutes."""
    from dqkit.acquisition import STRATEGIES, build_queue

    if not _is_whole(budget) or budget < 1:
        raise InputError(f"budget must be a whole number of samples, at least 1; got {budget!r}.")
    if not _is_whole(seed) or not 0 <= seed < 2**32:
        raise InputError(f"seed must be a whole number from 0 to 2**32 - 1; got {seed!r}.")
    if not _is_whole(folds) or folds < 2:
        raise InputError(f"folds must be a whole number of at least 2; got {folds!r}.")
    if isinstance(control, bool) or not isinstance(control, int | float | np.floating) or not 0 <= control <= 1:
        raise InputError(f"control must be a share from 0 to 1; got {control!r}.")
    if strategy not in STRATEGIES:
        raise InputError(f"strategy must be one of {', '.join(sorted(STRATEGIES))}; got {strategy!r}.")
    unknown = sorted(set(sharing) - set(SHARING))
    if unknown:
        raise InputError(f"run_round has no argument {unknown[0]!r}; a queue is shared out by {', '.join(SHARING)}.")
    if sharing:  # an empty queue, for its checks
        build_queue(pd.DataFrame({"label_score": []}, index=pd.Index([], dtype=object)), budget=0, **sharing)


def _plain(sharing: dict[str, Any]) -> dict[str, Any]:
    """The same for JSON, in an order of its own."""
    return {k: dict(sorted(v.items())) if isinstance(v, Mapping) else v for k, v in sharing.items() if v is not None}


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _open_round(bench: Workbench, budget: int, seed: int, settings: dict[str, Any]) -> int:
    """The number of the round to work on: the one that was interrupted, if it is the same, else a new one."""
    rounds = bench.store.rounds()
    if rounds and rounds[-1]["status"] == "running":
        last = rounds[-1]
        if (last["budget"], last["seed"], last["settings"]) == (budget, seed, settings):
            return int(last["round"])
        bench.store.drop_round(last["round"])
        rounds = rounds[:-1]
    number = rounds[-1]["round"] + 1 if rounds else 1
    bench.store.start_round(number, budget=budget, seed=seed, started=now(), settings=settings)
    return int(number)


def _queue(
    bench: Workbench,
    number: int,
    signals: pd.DataFrame,
    predictions: Predictions,
    audited: Dataset,
    budget: float,
    seed: int,
    control: float,
    strategy: str,
    sharing: dict[str, Any],
    *,
    answered: Sequence[str] = (),
) -> pd.DataFrame:
    from dqkit.acquisition import build_queue

    votes = bench.store.human_votes().groupby("sample_id")
    labels = bench.labels()
    # A weak label is a guess of the machine: to the queue its sample is still without a label.
    source = labels["source"].where(labels["source"].notna() & (labels["source"] != "weak"), "none")
    status = pd.DataFrame({"source": source}, index=labels.index)
    status["annotators"] = votes["annotator"].nunique().reindex(status.index).fillna(0).astype(int)
    status["answers"] = bench.store.confirmations().reindex(status.index).fillna(0).astype(int)
    status["disputed"] = (votes["label"].nunique() > 1).reindex(status.index).eq(True)
    in_play = ~audited.is_test & audited.is_usable
    return build_queue(
        signals,
        budget=budget,
        seed=seed,
        predictions=predictions,
        status=status,
        exclude=[*audited.ids[~in_play], *answered, *_put_aside(bench, number)],
        control=control,
        strategy=strategy,
        noise_rate=noise_rate(signals, in_play & (source == "given").to_numpy()),
        reviewed=bench.reviews(),
        **sharing,
    )


def _put_aside(bench: Workbench, number: int) -> list[str]:
    """Samples that the queue of this round leaves out: flagged ones, and those skipped since the round before.

    Nobody is asked the same again at once: what was skipped may come back a round later, what was flagged does when
    the flag is undone or the sample labelled.
    """
    last = bench.store.latest_decisions()
    aside = (last["kind"] == "flag") | ((last["kind"] == "skip") & (last["round"] >= number - 1))
    return [str(sample_id) for sample_id in last.loc[aside, "sample_id"]]


def _metrics(labels: pd.DataFrame, dataset: Dataset, predictions: Predictions, found: SignalTable) -> dict[str, Any]:
    """The figures of a round; accuracies are of the ensemble, on samples it had not been trained on."""
    held_out = dataset.is_test & dataset.is_labeled & dataset.is_usable
    inside = ~dataset.is_test & dataset.is_labeled & dataset.is_usable
    if not predictions.is_trained:
        held_out = inside = np.zeros(len(dataset), dtype=bool)
    rate, interval = _wrong_labels(labels, found)
    sources = labels["source"].value_counts()
    return {
        "test_accuracy": _accuracy(predictions.pred_probs[held_out], dataset.labels[held_out]),
        "test_log_loss": _log_loss(predictions.pred_probs[held_out], dataset.labels[held_out]),
        "oos_accuracy": _accuracy(predictions.pred_probs[inside], dataset.labels[inside]),
        "log_loss": _log_loss(predictions.pred_probs[inside], dataset.labels[inside]),
        "label_error_rate": rate,
        "label_error_interval": interval,
        "labels_not_judged": _why_not_judged(found),
        "n_labeled": int(labels["label"].notna().sum()),
        "n_human": int(labels["source"].isin(HUMAN_SOURCES).sum()),
        "n_weak": int(sources.get("weak", 0)),
        "n_unlabeled": int(labels["label"].isna().sum()),
    }


def _why_not_judged(found: SignalTable) -> str | None:
    """The sentence that says why no label could be judged, None where they could or no model is there."""
    errors = found.label_errors
    return None if errors is None or not errors.not_judged else errors.not_judged


def _wrong_labels(labels: pd.DataFrame, found: SignalTable) -> tuple[float | None, list[float] | None]:
    """Estimated share of wrong labels and its interval, what people have decided being right."""
    from dqkit.signals import open_error_rate

    errors = found.summary.get("label_errors") or {}
    if errors.get("estimated_rate") is None:
        return None, None
    labelled = found.table["given_label"].notna()
    chance = found.table.loc[labelled, "error_probability"].to_numpy(float)
    checked = labels["source"].isin(HUMAN_SOURCES).reindex(found.table.index[labelled]).to_numpy(bool)
    return open_error_rate(errors["estimated_rate"], errors.get("interval"), chance, checked)


def _accuracy(probs: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> float | None:
    return float((probs.argmax(axis=1) == labels).mean()) if len(labels) else None


def _log_loss(probs: np.ndarray[Any, Any], labels: np.ndarray[Any, Any]) -> float | None:
    if not len(labels):
        return None
    given = probs[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.clip(given, 1e-12, 1)).mean())


def _finite(value: Any) -> Any:
    """The value for JSON: plain numbers and lists, and None in the place of NaN and infinity."""
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return [_finite(v) for v in value]
    if isinstance(value, np.generic):
        return _finite(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value

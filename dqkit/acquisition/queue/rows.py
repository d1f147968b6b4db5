"""The rows a budget can be spent on: what would be asked of each, and what the answer is worth."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.acquisition.queue.copies import decided, in_conflict, one_of_each
from dqkit.acquisition.queue.options import QueueOptions
from dqkit.acquisition.queue.suspicion import with_predictions
from dqkit.acquisition.queue.worth import after_yield, harm, human_doubt, with_rate
from dqkit.checks import instance, numbers, shown, whole_numbers
from dqkit.records import HUMAN_SOURCES, InputError, Predictions

MAX_OPINIONS = 3


def eligible_rows(
    signals: pd.DataFrame,
    *,
    status: pd.DataFrame | pd.Series | None,
    exclude: Collection[str],
    reviewed: pd.DataFrame | None,
    options: QueueOptions,
    predictions: Predictions | None = None,
) -> pd.DataFrame:
    """Rows that may be queued, sorted by id.

    action: what would be asked. chance: P(the answer replaces a wrong class), for the order. wrong: the same for what
    is suggested, never above chance. certain: one of several identical samples with differing labels, the
    one that is asked for all of them. score: chance on the common scale, in
    [0, 1]. value: score per unit of cost. seen: a human has labelled it. doubted: the detectors name it.
    disputed, annotators: from status. expected: the class the answer is expected to be.
    """
    noise_rate, cost = options.noise_rate, options.cost
    table = signals.sort_index()
    who = _status(status, table)
    labeled = (who["source"] != "none").to_numpy()
    seen = who["source"].isin(HUMAN_SOURCES).to_numpy()
    annotators, answers = who["annotators"].to_numpy(np.int64), who["answers"].to_numpy(np.int64)
    disputed = who["disputed"].to_numpy(bool)
    unseen = labeled & ~seen
    score = column(table, "label_score", 0.0)
    flagged = column(table, "label_flag", 0.0) > 0
    if noise_rate is None and "label_flag" in table and unseen.any():
        noise_rate = float(flagged[unseen].mean())
    chance = column(table, "least_confidence", 0.5)
    chance[unseen] = with_rate(with_predictions(score, table, unseen, predictions)[unseen], noise_rate)
    if reviewed is not None:
        past = _past(reviewed)
        chance[unseen] = _corrected(chance[unseen], _detector(table)[unseen], past[past["action"] == "relabel"])
        chance[~labeled] = _corrected(chance[~labeled], _detector(table)[~labeled], past[past["action"] == "label"])
    certain = in_conflict(table)
    chance[certain & labeled] = score[certain & labeled]
    rate = float(chance[unseen].mean()) if unseen.any() else float(noise_rate or 0.0)
    weight = harm(rate, _class_count(table))
    chance[seen] = human_doubt(
        score[seen],
        answers[seen],
        disputed[seen],
        score_rate=float(score[labeled].mean()) if labeled.any() else 0.0,
        human_error=options.human_error,
    )
    action = np.where(~labeled, "label", np.where(seen, "second_opinion", "relabel"))
    wrong = chance.copy()
    # What people found may lower it; it does not raise it, for who takes what is suggested would prove it right.
    wrong[unseen] = np.minimum(_doubt(table, unseen, noise_rate), chance[unseen])
    wrong[~labeled] = column(table, "least_confidence", 0.5)[~labeled]
    common = np.where(labeled, chance, chance / weight)
    doubted = flagged | (score >= 0.5) | (column(table, "check_flag", 0.0) > 0)
    rows = pd.DataFrame(
        {
            "action": action,
            "chance": chance,
            "wrong": wrong,
            "score": common,
            "value": common / pd.Series(action).map(cost).to_numpy(float),
            "seen": seen,
            "doubted": doubted | disputed | ~labeled,
            "disputed": disputed,
            "annotators": annotators,
            "expected": _expected(table),
        },
        index=table.index,
    )
    left_out = _hashable("exclude", exclude)
    asks = disputed | certain | (doubted & (answers < MAX_OPINIONS))
    excluded = np.asarray(rows.index.isin(pd.Index(left_out, dtype=object)), dtype=bool)
    rows["certain"] = certain
    queued: pd.DataFrame = rows[(~seen | asks) & ~excluded & ~decided(table, seen)]
    return one_of_each(queued, table)


def _doubt(table: pd.DataFrame, unseen: NDArray[np.bool_], rate: float | None) -> NDArray[np.float64]:
    """P(label is wrong) of the labels nobody has seen: wrong_probability where it is known, else from the scores."""
    if "wrong_probability" in table:
        return np.asarray(table["wrong_probability"], dtype=np.float64)[unseen].clip(0, 1)
    score = column(table, "label_score", 0.0)[unseen]
    return np.where(in_conflict(table)[unseen], score, with_rate(score, rate))


def ranked(rows: pd.DataFrame, by: str = "value") -> pd.DataFrame:
    """The rows by falling value, equal values by id."""
    return rows.iloc[np.lexsort((rows.index.to_numpy(str), -rows[by].to_numpy(float)))]


def column(table: pd.DataFrame, name: str, missing: float) -> NDArray[np.float64]:
    """A numeric column in [0, 1], `missing` where it or a value is absent."""
    if name not in table:
        return np.full(len(table), missing)
    try:
        values = table[name].astype(float)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"the column {name} of signals must hold numbers; got dtype {table[name].dtype}.") from error
    return np.array(values.fillna(missing).clip(0, 1), dtype=float)


def _status(status: pd.DataFrame | pd.Series | None, table: pd.DataFrame) -> pd.DataFrame:
    """source, annotators, answers and disputed for every row of the table."""
    given = table["given_label"].isna().to_numpy() if "given_label" in table else np.ones(len(table), dtype=bool)
    fallback = pd.Series(np.where(given, "none", "given"), index=table.index, dtype=object)
    if status is not None:
        instance("status", status, (pd.DataFrame, pd.Series), "a DataFrame or a Series by sample id")
    known = status.to_frame("source") if isinstance(status, pd.Series) else status
    if known is None:
        known = fallback.to_frame("source")
    if "source" not in known:
        raise InputError(f"status must have a column 'source'; got {', '.join(map(str, known.columns))}.")
    if not known.index.is_unique:
        raise InputError("status must have one row per sample id; an id comes twice. Keep the current label only.")
    known = known.reindex(table.index)
    source = known["source"].astype(object).where(known["source"].notna(), fallback)
    human = source.isin(HUMAN_SOURCES).to_numpy()
    count = _count(known, "annotators") if "annotators" in known else human.astype(np.int64)
    answers = _count(known, "answers") if "answers" in known else count
    disputed = np.zeros(len(table), dtype=bool)
    if "disputed" in known:
        disputed = known["disputed"].eq(True).to_numpy(bool) & human
    columns = {"source": source, "annotators": count, "answers": answers, "disputed": disputed}
    return pd.DataFrame(columns, index=table.index)


def _count(known: pd.DataFrame, name: str) -> NDArray[np.int64]:
    if pd.api.types.is_integer_dtype(known[name].dtype) and isinstance(known[name].dtype, np.dtype):
        filled = known[name]  # nothing can be missing
    else:
        filled = known[name].astype(object).where(known[name].notna(), 0)
    return whole_numbers(f"the column {name} of status", filled, shape="(rows,)", ndim=1, least=0)


def _hashable(name: str, values: Collection[str]) -> list[Any]:
    found = list(values)
    for value in found:
        try:
            hash(value)
        except TypeError as error:
            raise InputError(f"{name} must hold sample ids; got {shown(value)}.") from error
    return found


def _past(reviewed: pd.DataFrame) -> pd.DataFrame:
    """score, wrong, action and detector of earlier reviews."""
    instance("reviewed", reviewed, pd.DataFrame, "a DataFrame with the columns score and wrong")
    missing = {"score", "wrong"} - set(reviewed.columns)
    if missing:
        raise InputError(f"reviewed must have the columns score and wrong; {' and '.join(sorted(missing))} is missing.")
    known = reviewed.dropna(subset=["score", "wrong"])
    numbers("the column score of reviewed", known["score"], shape="(rows,)", finite=True)
    return pd.DataFrame(
        {
            "score": known["score"].astype(float),
            "wrong": known["wrong"].astype(bool),
            "action": known.get("action", "relabel"),
            "detector": known["detector"].fillna("").astype(str) if "detector" in known else "",
        }
    )


def _detector(table: pd.DataFrame) -> NDArray[np.object_]:
    """What kind of trouble each row was found in, "" for none."""
    if "label_kind" not in table:
        return np.full(len(table), "", dtype=object)
    return np.asarray(table["label_kind"].fillna("").astype(str), dtype=object)


def _corrected(chance: NDArray[np.float64], detector: NDArray[np.object_], past: pd.DataFrame) -> NDArray[np.float64]:
    """P(wrong) after the yield of all earlier reviews, then after what each detector's own yielded beyond that."""
    score, wrong = past["score"].to_numpy(float), past["wrong"].to_numpy(bool)
    out = after_yield(chance, score, wrong)
    if past["detector"].nunique() < 2:
        return out
    expected = after_yield(score, score, wrong)
    for name in sorted(past["detector"].unique()):
        theirs = (past["detector"] == name).to_numpy()
        mine = detector == name
        out[mine] = after_yield(out[mine], expected[theirs], wrong[theirs])
    return out


def _class_count(table: pd.DataFrame) -> int:
    names: set[object] = set()
    for name in ("given_label", "suggested_label", "predicted_label"):
        if name in table:
            names.update(table[name].dropna().unique())
    return max(len(names), 2)


def _expected(table: pd.DataFrame) -> pd.Series:
    """The suggested class, else the predicted one, else None."""
    out = pd.Series([None] * len(table), index=table.index, dtype=object)
    for name in ("suggested_label", "predicted_label"):
        if name in table:
            out = out.where(out.notna(), table[name].astype(object))
    return out.where(out.notna(), None)

"""`build_queue`: one budget over new labels, doubtful labels and second opinions, with a random audit sample."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, Unpack

import numpy as np
import pandas as pd

from dqkit.acquisition.inputs import checked_seed
from dqkit.acquisition.queue.options import QueueOptions, QueueTerms, renamed_terms
from dqkit.acquisition.queue.proposals import proposals
from dqkit.acquisition.queue.reasons import explain
from dqkit.acquisition.queue.rows import eligible_rows, ranked
from dqkit.acquisition.queue.spread import spread_picks
from dqkit.acquisition.queue.terms import check_request
from dqkit.acquisition.strategies.selection import WITHOUT_MODEL, select
from dqkit.checks import instance
from dqkit.records import ACTIONS, UNLABELED, Predictions

AGAIN = ("relabel", "second_opinion")
QUEUE_COLUMNS = (
    *("sample_id", "action", "score", "suggested_label", "reasons", "control"),
    *("probability", "proposal", "other_label"),
)


def build_queue(
    signals: pd.DataFrame,
    *,
    budget: float,
    seed: int = 0,
    predictions: Predictions | None = None,
    status: pd.DataFrame | pd.Series | None = None,
    reviewed: pd.DataFrame | None = None,
    exclude: Collection[str] = (),
    options: QueueOptions | None = None,
    **terms: Unpack[QueueTerms],
) -> pd.DataFrame:
    """The rows a person should look at next, best first.

    Every row is valued by the expected number of wrong classes that an answer replaces, times what that is worth to
    training, per unit of cost. The actions share the budget where their marginal values meet. Within an action the
    rows are spread out. Samples with identical content (column copy_of of signals) are one row, and come first of all
    where their labels differ, for then one of them is certainly wrong. Exactly `budget` rows while costs are 1 and as
    many are eligible; no sample twice; the same arguments and seed give the same queue.

    Parameters
    ----------
    signals : DataFrame
        One row per sample, index = sample id. Columns used where present: label_score (approximately P(label is
        wrong)), wrong_probability (the same for what is suggested; a round writes it), label_flag, given_label,
        suggested_label, predicted_label, least_confidence, copy_of, reasons.
    budget : float
        Total cost of the answers (= number of rows while every cost is 1).
    seed : int
        Of what is drawn at random.
    predictions : Predictions, optional
        Features and probabilities for the strategy; without them new labels are ranked by least_confidence. With them,
        labels nobody has checked are ranked by label_score and the probability of the given label together. Where they
        are of no model (`is_trained` is False), new labels cover the features, and nothing is suggested.
    status : DataFrame or Series, optional
        By sample id, where the current label is from: column `source` ("given", "human", "fiftyone", "weak", "none"),
        optionally `annotators` (how many people labelled it), `answers` (how many answers agree with it; default
        `annotators`) and `disputed` (people disagree). A Series is `source`. Default: "none" where given_label is
        missing, else "given".
    reviewed : DataFrame, optional
        Earlier reviews: columns `score` (the chance they were given before any review) and `wrong` (bool: the review
        changed the label); optional `action` ("relabel" where left out, or "label": the model's guess was wrong) and
        `detector` (as in the column label_kind of signals). They correct the chances.
    exclude : collection of str
        Ids never queued (test split, unreadable files, open leases).
    options : QueueOptions, optional
        How the budget is shared out.
    **terms
        Single options by name, in the place of those in `options`: audit_share, strategy, human_error, costs,
        min_share, class_quota, noise_rate.

    Returns
    -------
    DataFrame
        sample_id, action, score in [0, 1], suggested_label, reasons, control (True for the random audit sample),
        probability, proposal, other_label. suggested_label is the most probable label, which may be the one that
        stands; probability is that it is right (NaN where that is not known); proposal says what taking it does: "keep"
        or "change" the label that stands, or "label" a sample without one. other_label is the next most probable.

    Raises
    ------
    InputError
        On bad values, duplicate ids or unknown names.

    Examples
    --------
    >>> table = pd.DataFrame({"label_score": [0.9, 0.1, 0.0], "given_label": ["a", "b", None],
    ...                       "suggested_label": ["b", "b", "a"], "least_confidence": [0.1, 0.1, 0.4]},
    ...                      index=["x", "y", "z"])
    >>> build_queue(table, budget=2, audit_share=0)[["sample_id", "action"]].values.tolist()
    [['x', 'relabel'], ['z', 'label']]
    """
    seed = checked_seed(seed)
    how = replace(options or QueueOptions(), **renamed_terms(terms))
    cost = how.cost
    if predictions is not None:
        instance("predictions", predictions, Predictions, "a dqkit.Predictions, or None")
    judging = predictions if predictions is not None and predictions.is_trained else None
    check_request(signals, budget, exclude)
    rows = eligible_rows(signals, status=status, exclude=exclude, reviewed=reviewed, options=how, predictions=judging)
    rng = np.random.default_rng(seed)
    # Without a model there is no guess to measure on a sample without a label.
    audit_cost = how.audit_share * budget
    heads = _certain(rows, budget - audit_cost, cost)
    rows = rows.drop(heads.index)
    drawable = rows if predictions is None or judging is not None else rows[rows["action"] != "label"]
    audit = _draw_audit(drawable, audit_cost, budget - _price(heads, cost), cost, rng)
    left = budget - _price(heads, cost) - _price(audit, cost)
    quota = _for_quota(rows.drop(audit.index), how.class_quota, left, cost, proposals(rows, _given(signals), judging))
    least: dict[str, float] = {
        a: max(how.shares[a] * left - _price(quota[quota["action"] == a], cost), 0.0) for a in ACTIONS
    }
    left -= _price(quota, cost)
    # Quotas come first: what they left may be less than the least shares ask for.
    fit = min(1.0, left / max(sum(least.values()), 1e-12))
    least = {a: fit * value for a, value in least.items()}
    rest = rows.drop(audit.index).drop(quota.index)
    chosen = _split(rest, left, least, cost)
    count = chosen["action"].value_counts()
    fresh = _new_labels(rest, int(count.get("label", 0)), signals, predictions, how.strategy, seed)
    again = [_looked_at_again(rest, a, int(count.get(a, 0)), least[a] / cost[a], signals, predictions) for a in AGAIN]
    picks = ranked(pd.concat([quota, *again, fresh]))
    return _shown(_interleave(heads, picks, audit, rng), signals, judging)


def _certain(rows: pd.DataFrame, budget: float, cost: Mapping[str, float]) -> pd.DataFrame:
    """Identical samples with differing labels, as many as the budget pays for, the most valuable first."""
    order = ranked(rows[rows["certain"]])
    return order[order["action"].map(cost).astype(float).cumsum().to_numpy() <= budget + 1e-9]


def _price(rows: pd.DataFrame, cost: Mapping[str, float]) -> float:
    return float(sum(cost[action] for action in rows["action"]))


def _draw_audit(
    rows: pd.DataFrame, allowance: float, budget: float, cost: Mapping[str, float], rng: np.random.Generator
) -> pd.DataFrame:
    """A simple random sample of the rows no human has seen, whose cost is the allowance, to the nearest row."""
    unseen = rows[~rows["seen"]]
    order = unseen.index[rng.permutation(len(unseen))]
    price = unseen.loc[order, "action"].map(cost).to_numpy(float)
    total = np.cumsum(price)
    return unseen.loc[order[: int(((total - price / 2 < allowance - 1e-9) & (total <= budget + 1e-9)).sum())]]


def _for_quota(
    rows: pd.DataFrame,
    quota: Mapping[str, int] | None,
    budget: float,
    cost: Mapping[str, float],
    proposed: pd.DataFrame,
) -> pd.DataFrame:
    """The most valuable rows expected to be of each class with a quota, rarest class first, within the budget."""
    order = ranked(rows)
    order = order.assign(expected=proposed["suggested_label"].reindex(order.index))  # an empty table takes any index
    taken: list[Any] = []
    sizes = order["expected"].value_counts()
    for name, least in sorted((quota or {}).items(), key=lambda item: (sizes.get(item[0], 0), item[0])):
        if len(order) and sizes.get(name, 0) < least:
            warnings.warn(
                f"class_quota asks for {least} rows expected to be {name!r}; {sizes.get(name, 0)} of {len(order)} are. "
                "A class is expected once the models know it: record a few samples of it by hand.",
                stacklevel=2,
            )
        for sample_id, action in order.loc[order["expected"] == name, "action"].iloc[: int(least)].items():
            if cost[action] <= budget + 1e-9:
                taken.append(sample_id)
                budget -= cost[action]
    return rows.loc[taken]


def _split(rows: pd.DataFrame, budget: float, least: Mapping[str, float], cost: Mapping[str, float]) -> pd.DataFrame:
    """The rows of highest value per cost within the budget, after each action's least share of doubted rows."""
    order = ranked(rows)
    taken = np.zeros(len(order), dtype=bool)
    action = order["action"].to_numpy(str)
    price = order["action"].map(cost).to_numpy(float)
    doubted = order["doubted"].to_numpy(bool)
    for name in ACTIONS:
        mine = np.flatnonzero((action == name) & doubted)
        count = min(int(least[name] / cost[name] + 1e-9), len(mine))
        taken[mine[:count]] = True
    left = budget - price[taken].sum()
    cheapest = min(cost.values())
    for place in np.flatnonzero(~taken):
        if left + 1e-9 < cheapest:
            break
        if price[place] <= left + 1e-9:
            taken[place] = True
            left -= price[place]
    return order[taken]


def _new_labels(
    rows: pd.DataFrame, n: int, signals: pd.DataFrame, predictions: Predictions | None, strategy: str, seed: int
) -> pd.DataFrame:
    """n rows to label: by the strategy among those with predictions, then by value.

    Where no model could be trained, a strategy that asks one gives way to "auto", which then covers the data.
    """
    fresh = ranked(rows[rows["action"] == "label"])
    if predictions is None or n == 0:
        return fresh[:n]
    order = np.argsort(predictions.ids.astype(str), kind="stable")  # ties in a strategy go by position: make it the id
    ids = pd.Index(predictions.ids[order])
    labels = np.full(len(ids), UNLABELED, np.int64)
    if "given_label" in signals:
        labels = (
            pd.Index(predictions.classes).get_indexer(pd.Index(signals["given_label"].reindex(ids))).astype(np.int64)
        )
    candidates = ids.get_indexer(fresh.index)
    trained = predictions.is_trained
    picks = select(
        strategy if trained or strategy in WITHOUT_MODEL else "auto",
        n,
        features=None if predictions.features is None else predictions.features[order],
        pred_probs=predictions.pred_probs[order] if trained else None,
        member_probs=predictions.member_probs[:, order] if trained else None,
        labeled=labels != UNLABELED,
        labels=labels,
        candidates=candidates[candidates >= 0],
        seed=seed,
    )
    chosen = fresh.loc[ids[picks]]
    if not trained:
        # All of them are worth the same by themselves; the order of the picks is what covers the data soonest.
        falling = np.linspace(1, 0.5, len(chosen))
        chosen = chosen.assign(score=chosen["score"] * falling, value=chosen["value"] * falling)
        chosen["typical"] = strategy != "random"
    return pd.concat([chosen, fresh.drop(chosen.index)[: n - len(chosen)]])


def _looked_at_again(
    rows: pd.DataFrame, action: str, n: int, least: float, signals: pd.DataFrame, predictions: Predictions | None
) -> pd.DataFrame:
    """n labelled rows for one action, spread out; rows the detectors doubt first where its least share needs them."""
    mine = rows[rows["action"] == action]
    doubted = mine[mine["doubted"]]
    # What the least share bought is chosen among the doubted alone, as the value of others may be higher.
    first = min(n, int(least + 1e-9), len(doubted))
    if first == n:
        mine = doubted if first else mine
    features = None
    if predictions is not None and predictions.features is not None:
        at = pd.Index(predictions.ids).get_indexer(mine.index)
        features = predictions.features[at] if len(at) and (at >= 0).all() else None
    groups = None
    if "duplicate_group" in signals:
        groups = signals["duplicate_group"].reindex(mine.index).fillna(-1).to_numpy(np.int64)
    return spread_picks(mine, n, features=features, groups=groups)


def _interleave(
    heads: pd.DataFrame, picks: pd.DataFrame, audit: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """The heads, then the picks in their order, with the random audit sample at random places among the picks.

    A queue begins with its best row. Which rows are in the audit sample, and their order, is drawn before, so that
    their places do not matter to what they measure: whatever of it has been answered is a random sample.
    """
    first = min(len(picks), 0 if len(heads) else 1)
    total = len(picks) + len(audit)
    is_audit = np.zeros(total, dtype=bool)
    is_audit[first + rng.choice(total - first, len(audit), replace=False)] = True
    order = np.empty(total, np.int64)
    order[~is_audit] = np.arange(len(picks))
    order[is_audit] = np.arange(len(picks), total)
    mixed = pd.concat([picks.assign(control=False), audit.assign(control=True)]).iloc[order]
    return pd.concat([heads.assign(control=False), mixed])


def _shown(picks: pd.DataFrame, signals: pd.DataFrame, predictions: Predictions | None) -> pd.DataFrame:
    """The queue as people see it."""
    proposed = proposals(picks, _given(signals), predictions)
    changes = proposed["proposal"] != "keep"
    rival = proposed["suggested_label"].where(changes, proposed["other_label"])
    picks = picks.assign(expected=rival.where(rival.notna(), None), changes=changes)
    return pd.DataFrame(
        {
            "sample_id": picks.index.astype(object),
            "action": picks["action"].to_numpy(object),
            "score": picks["score"].to_numpy(float).clip(0, 1),
            "suggested_label": proposed["suggested_label"].to_numpy(object),
            "reasons": pd.Series(explain(picks, signals, _top_two(picks, predictions)), dtype=object),
            "control": picks["control"].to_numpy(bool),
            **{name: proposed[name].to_numpy() for name in ("probability", "proposal", "other_label")},
        },
        columns=list(QUEUE_COLUMNS),
    )


def _given(signals: pd.DataFrame) -> pd.Series:
    """The label that stands, by sample id."""
    return signals["given_label"] if "given_label" in signals else pd.Series(None, index=signals.index, dtype=object)


def _top_two(picks: pd.DataFrame, predictions: Predictions | None) -> dict[str, str]:
    """id -> the two likeliest classes in words, for rows to label."""
    if predictions is None:
        return {}
    ids = picks.index[(picks["action"] == "label") & picks.index.isin(predictions.ids)]
    places = pd.Index(predictions.ids).get_indexer(ids)
    out = {}
    for sample_id, probs in zip(ids, predictions.pred_probs[places], strict=True):
        best = np.argsort(-probs, kind="stable")[:2]
        said = " or ".join(f"{predictions.classes[k]} ({100 * probs[k]:.0f} %)" for k in best)
        out[str(sample_id)] = f"the model says {said}"
    return out

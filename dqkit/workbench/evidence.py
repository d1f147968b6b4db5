"""What the answers so far say: about the labels, the model, the detectors, and whether more answers pay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dqkit.acquisition import QueueOptions
from dqkit.records import HUMAN_SOURCES, InputError
from dqkit.rounds.classes import widened
from dqkit.rounds.drawn import drawn_rows
from dqkit.signals import AuditSample, WrongLabels
from dqkit.signals.label_noise.wrong_labels import share_left, wrong_labels_now
from dqkit.workbench.state import State

if TYPE_CHECKING:
    from dqkit.acquisition import Advice
    from dqkit.workbench.results import Round

IN_VIEW = "random audit sample, answered with the suggestion in view"  # no part of what it measures
ANSWER_COLUMNS = (
    "round",
    "sample_id",
    "action",
    "control",
    "score",
    "answer",
    "given_label",
    "suggested_label",
    "detector",
    "expected",
)


def answers(state: State) -> pd.DataFrame:
    """One row per answered row of every round's queue.

    Parameters
    ----------
    state : State
        The open workbench.

    Returns
    -------
    DataFrame
        Oldest round first. round, sample_id, action, control, score: of the queue. answer: the class people gave in
        that round (the newest live answer). given_label: the label that stood before, None where there was none or a
        weak one. suggested_label: the class the model predicted. detector: the kind of trouble the row was queued for,
        "" for rows without one. expected: the probability, as the detectors said before any review, that the answer
        changes the class.
    """
    people = _people(state)
    found = [_answers_of(state, rnd, people[people["round"] == rnd.number]) for rnd in state.rounds]
    found = [rows for rows in found if len(rows)]
    if not found:
        return pd.DataFrame({name: pd.Series(dtype=object) for name in ANSWER_COLUMNS})
    return pd.concat(found, ignore_index=True)


def reviews(state: State) -> pd.DataFrame:
    """See `Workbench.reviews`."""
    known = answers(state)
    first = known[known["action"] != "second_opinion"].drop_duplicates("sample_id")
    # Where no model had been trained, nothing had been expected.
    first = first[first["expected"].notna()].reset_index(drop=True)
    before = first["given_label"].where(first["action"] == "relabel", first["suggested_label"])
    return pd.DataFrame(
        {
            "sample_id": first["sample_id"],
            "round": first["round"],
            "action": first["action"],
            "detector": first["detector"],
            "score": first["expected"].astype(float),
            "wrong": (first["answer"] != before).astype(bool),
            "at_random": first["control"].astype(bool),
        }
    )


def wrong_labels(state: State) -> WrongLabels:
    """The wrong labels that are left now, by the newest round and all answers to random audit samples."""
    rnd = state.rounds[-1]
    labelled = rnd.signals["given_label"].notna().to_numpy() & ~state.dataset.is_test[: rnd.size]
    told = rnd.summary.get("label_errors") or {}
    people = state.labels()["source"].isin(HUMAN_SOURCES).to_numpy()[: rnd.size]
    return wrong_labels_now(
        told.get("estimated_rate"),
        told.get("interval"),
        rnd.signals["error_probability"].to_numpy(float)[labelled],
        people[labelled],
        sample=audit_sample(state),
        classes=max(len(state.dataset.classes), 2),
    )


def audit_sample(state: State) -> AuditSample:
    """The answers to the random audit samples of all rounds, each with the share of rows like it that is left now."""
    known = answers(state)
    known = known[known["control"].astype(bool) & known["given_label"].notna()].drop_duplicates("sample_id")
    if known.empty:
        return AuditSample()
    in_play, left = _in_play(state), (state.labels()["source"] == "given").to_numpy()
    weight = np.ones(len(known))
    for rnd in state.rounds:
        here = (known["round"] == rnd.number).to_numpy()
        if not here.any():
            continue
        scores, given = rnd.standing
        could = in_play[: len(given)] & given
        at = np.cumsum(could)[state.dataset.positions(known.loc[here, "sample_id"])] - 1
        weight[here] = share_left(scores[could], left[: len(given)][could], at)
    error = float(state.rounds[-1].settings.get("human_error", QueueOptions().human_error))
    return AuditSample((known["answer"] != known["given_label"]).to_numpy(bool), weight, error)


def advise(state: State, *, budget_left: float | None) -> Advice:
    """See `Workbench.advice`."""
    from dqkit.acquisition import advice, control_estimates, stopping

    if budget_left is not None and (isinstance(budget_left, bool) or not isinstance(budget_left, int | float)):
        raise InputError(f"budget_left must be a number of answers, or None; got {budget_left!r}.")
    rounds = state.rounds
    if not rounds:
        return advice([])
    in_play = _in_play(state)
    left = wrong_labels(state)
    control = control_estimates(answers(state), wrong_left=(left.value, left.low, left.high), left=left.among)
    # Without a given label in the data there is none to be checked.
    given = bool((rounds[-1].labels_before["source"] == "given").any()) or left.among > 0

    def probs(rnd: Round) -> np.ndarray[Any, Any] | None:
        if not rnd.predictions.is_trained:
            return None
        # A class may have been added between two rounds.
        seen = min(each.size for each in rounds[-2:])  # samples may have been added between two rounds
        return np.asarray(widened(rnd.predictions, state.dataset.classes).pred_probs[:seen][in_play[:seen]])

    states = state.store.queue_states()["state"]
    criteria = stopping(
        rounds=_curve(rounds),
        pred_probs=probs(rounds[-1]),
        previous_probs=probs(rounds[-2]) if len(rounds) > 1 else None,
        errors_left=control.errors_left if given else None,
        answers_wanted=left.more,
        labeled=int(state.dataset_now().is_labeled[in_play].sum()),
        budget_left=budget_left,
        untrained=not rounds[-1].predictions.is_trained,
        not_judged=str(rounds[-1].metrics.get("labels_not_judged") or ""),
        queue=(int((states != "open").sum()), len(states)),
    )
    return advice(criteria, control)


def drawn(state: State, rnd: Round) -> pd.DataFrame:
    """What was known of the rows of a round's queue when it was drawn; see `drawn_rows`."""
    if rnd.drawn is not None:
        return rnd.drawn
    return drawn_rows(rnd.queue, rnd.signals, rnd.labels_before, _in_play(state)[: rnd.size])


def _in_play(state: State) -> np.ndarray[Any, Any]:
    """(n,) samples that are neither held out nor broken."""
    return np.asarray(~state.dataset.is_test & state.dataset.is_usable)


def _people(state: State) -> pd.DataFrame:
    """The newest live answer of people to each sample in each round: sample_id, label, round, why."""
    events = state.store.events()
    undone = set(events["undoes"].dropna())
    live = events[(events["kind"] == "label") & (events["source"] != "weak") & ~events["event_id"].isin(undone)]
    return live.drop_duplicates(["round", "sample_id"], keep="last")[["sample_id", "label", "round", "why"]]


def _answers_of(state: State, rnd: Round, people: pd.DataFrame) -> pd.DataFrame:
    queue = rnd.queue[rnd.queue["sample_id"].isin(people["sample_id"])]
    if queue.empty:
        return pd.DataFrame(columns=list(ANSWER_COLUMNS))
    ids = queue["sample_id"].to_numpy()
    known, said = drawn(state, rnd).loc[ids], people.set_index("sample_id")
    return pd.DataFrame(
        {
            "round": rnd.number,
            "sample_id": ids,
            "action": queue["action"].to_numpy(object),
            "control": queue["control"].to_numpy(bool) & (said.loc[ids, "why"] != IN_VIEW).to_numpy(),
            "score": queue["score"].to_numpy(float),
            "answer": said.loc[ids, "label"].to_numpy(object),
            "given_label": known["given_label"].to_numpy(object),
            "suggested_label": known["predicted_label"].to_numpy(object),
            "detector": known["detector"].to_numpy(object),
            "expected": known["expected"].to_numpy(float),
        }
    )


def _curve(rounds: list[Round]) -> list[dict[str, float]]:
    """labels, answers and accuracy of each round: on the held-out samples where there are any, else out of sample.

    Rounds without a model have no accuracy and are left out.
    """
    measured = [m for m in (rnd.metrics for rnd in rounds) if m.get("oos_accuracy") is not None]
    held_out = all(m.get("test_accuracy") is not None for m in measured)
    name = "test_accuracy" if held_out else "oos_accuracy"
    return [{"labels": m["n_labeled"], "answers": m["n_human"], "accuracy": m[name]} for m in measured]

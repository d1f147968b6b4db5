"""The queue keeps to its budget, its actions and its promises."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dqkit.acquisition import STRATEGIES, FallbackWarning, QueueOptions, build_queue
from dqkit.acquisition.queue.rows import eligible_rows
from dqkit.records import InputError, Predictions


def _signals(n: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    labeled = rng.random(n) < 0.5
    names = np.array(["cat", "dog", "owl"], dtype=object)
    score = np.where(labeled, rng.random(n), 0.0)
    return pd.DataFrame(
        {
            "label_score": score,
            "label_flag": score > 0.8,
            "given_label": np.where(labeled, names[rng.integers(0, 3, n)], None),
            "suggested_label": names[rng.integers(0, 3, n)],
            "predicted_label": names[rng.integers(0, 3, n)],
            "least_confidence": rng.random(n) * 2 / 3,
            "reasons": np.where(score > 0.8, "the models disagree with the label", ""),
        },
        index=pd.Index([f"s{i:03d}" for i in range(n)]),
    )


@settings(max_examples=40, deadline=None)
@given(budget=st.integers(0, 90), control=st.sampled_from([0.0, 0.1, 0.5, 1.0]), seed=st.integers(0, 5))
def test_a_queue_has_exactly_its_budget_and_no_sample_twice(budget: int, control: float, seed: int) -> None:
    queue = build_queue(_signals(seed=seed), budget=budget, audit_share=control, seed=seed)
    assert len(queue) == min(budget, 60)
    assert queue["sample_id"].is_unique
    assert queue["score"].between(0, 1).all()
    assert (queue["reasons"].str.len() > 0).all()


def test_the_same_seed_gives_the_same_queue_whatever_the_order_of_the_rows() -> None:
    signals = _signals()
    shuffled = signals.iloc[np.random.default_rng(1).permutation(len(signals))]
    pd.testing.assert_frame_equal(build_queue(signals, budget=20, seed=3), build_queue(shuffled, budget=20, seed=3))


def test_unlabelled_rows_are_labelled_and_labelled_rows_relabelled() -> None:
    signals = _signals()
    queue = build_queue(signals, budget=60)
    is_new = signals.loc[queue["sample_id"], "given_label"].isna().to_numpy()
    assert (queue["action"].to_numpy() == np.where(is_new, "label", "relabel")).all()


def test_excluded_ids_are_never_queued() -> None:
    signals = _signals()
    out = list(signals.index[:30])
    assert not set(build_queue(signals, budget=60, exclude=out)["sample_id"]) & set(out)


def test_a_label_a_person_gave_is_only_asked_again_as_a_second_opinion() -> None:
    signals = _signals()
    source = pd.Series(np.where(signals["given_label"].isna(), "none", "human"), index=signals.index)
    queue = build_queue(signals, budget=60, status=source)
    assert "relabel" not in set(queue["action"])
    again = queue.loc[queue["action"] == "second_opinion", "sample_id"]
    assert len(again) > 0
    assert set(again) == set(signals.index[signals["label_score"] >= 0.5])


def test_a_model_that_doubts_many_labels_of_people_does_not_keep_them_from_new_samples() -> None:
    # 60 labels by people, half of them doubted by a model that is sure of itself; people err once in fifty
    ids = [f"{i:03d}" for i in range(160)]
    has = np.arange(160) < 60
    score = np.where(has & (np.arange(160) % 2 == 0), 0.99, 0.0)
    signals = pd.DataFrame(
        {
            "label_score": score,
            "label_flag": score > 0.5,
            "given_label": np.where(has, "a", None),
            "suggested_label": "b",
            "least_confidence": 0.4,
        },
        index=ids,
    )
    source = pd.Series(np.where(has, "human", "none"), index=ids)
    count = build_queue(signals, budget=40, status=source, audit_share=0)["action"].value_counts()
    assert count.get("label", 0) >= 36
    rows = eligible_rows(signals, status=source, exclude=(), reviewed=None, options=QueueOptions())
    again = rows.loc[rows["action"] == "second_opinion", "chance"]
    assert len(again) == 30
    assert again.sum() == pytest.approx(0.02 * 60, rel=1e-3)


def test_a_label_confirmed_three_times_is_not_asked_again() -> None:
    signals = _signals()
    status = pd.DataFrame({"source": "human", "annotators": 1, "answers": 1}, index=signals.index)
    doubted = signals.index[(signals["label_score"] >= 0.5) & signals["given_label"].notna()]
    status.loc[doubted[:3], "answers"] = 3
    again = build_queue(signals, budget=60, status=status, audit_share=0)
    assert not set(again["sample_id"]) & set(doubted[:3])
    assert set(doubted[3:]) <= set(again["sample_id"])


def test_people_who_disagree_are_followed_by_another_opinion() -> None:
    signals = _signals().assign(label_score=0.0, label_flag=False)
    has = signals.index[signals["given_label"].notna()]
    status = pd.DataFrame({"source": "human", "annotators": 2, "disputed": False}, index=has)
    status.loc[has[0], "disputed"] = True
    queue = build_queue(signals.loc[has], budget=5, status=status)
    assert queue[["sample_id", "action"]].to_numpy().tolist() == [[has[0], "second_opinion"]]
    assert queue["reasons"][0] == "2 annotators disagree about it"


def test_controls_are_a_tenth_by_default_and_come_only_from_rows_no_human_has_seen() -> None:
    signals = _signals(200)
    seen = set(signals.index[::3])
    source = pd.Series("human", index=sorted(seen))
    queue = build_queue(signals, budget=40, status=source)
    controls = queue[queue["control"]]
    assert len(controls) == 4
    assert not set(controls["sample_id"]) & seen
    assert controls["reasons"].str.startswith("random audit sample").all()


@pytest.mark.slow
def test_controls_are_drawn_uniformly() -> None:
    signals = _signals(20)
    counts = pd.Series(0, index=signals.index)
    for seed in range(150):
        queue = build_queue(signals, budget=10, audit_share=0.5, seed=seed)
        counts[queue.loc[queue["control"], "sample_id"]] += 1
    # 150 draws of 5 out of 20: 37.5 per row, standard deviation sqrt(150 * 0.25 * 0.75) = 5.3
    assert counts.sum() == 750
    assert counts.between(37.5 - 5 * 5.3, 37.5 + 5 * 5.3).all()


def test_the_budget_is_spent_where_the_marginal_values_meet() -> None:
    # two classes and no noise: harm = 4, so a label in doubt with p counts four times an unlabelled row in doubt with p
    signals = pd.DataFrame(
        {
            "label_score": [0.9, 0.3, 0.05, 0.0, 0.0, 0.0],
            "given_label": ["a", "b", "a", None, None, None],
            "suggested_label": ["b", "a", "a", "a", "b", "b"],
            "least_confidence": [0.1, 0.1, 0.1, 0.5, 0.4, 0.1],
        },
        index=list("uvwxyz"),
    )
    rate = (0.9 + 0.3 + 0.05) / 3
    weight = 2 * 2 / (1 + 2 * rate)
    worth = {"u": 0.9, "v": 0.3, "w": 0.05, "x": 0.5 / weight, "y": 0.4 / weight, "z": 0.1 / weight}
    best = sorted(worth, key=lambda name: -worth[name])[:4]
    queue = build_queue(signals, budget=4, audit_share=0, min_share={"label": 0, "relabel": 0})
    assert queue["sample_id"].tolist() == best
    np.testing.assert_allclose(queue["score"], [worth[name] for name in best])


def test_the_given_noise_rate_becomes_the_mean_of_the_scores() -> None:
    signals = _signals(400)
    queue = build_queue(signals, budget=400, audit_share=0, noise_rate=0.07)
    assert queue.loc[queue["action"] == "relabel", "score"].mean() == pytest.approx(0.07, abs=1e-6)


def test_dearer_answers_are_bought_less_and_the_budget_counts_cost() -> None:
    signals = _signals(200)
    costs = {"relabel": 5.0}
    queue = build_queue(signals, budget=40, costs=costs)
    spent = queue["action"].map({"label": 1.0, "relabel": 5.0}).sum()
    assert 36 <= spent <= 40
    plain = build_queue(signals, budget=40)
    assert (queue["action"] == "relabel").sum() < (plain["action"] == "relabel").sum()


@pytest.mark.parametrize("control", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("budget", [0.5, 3.5, 7.0, 20.25])
def test_no_mix_of_costs_and_controls_overspends(budget: float, control: float) -> None:
    costs = {"label": 2.0, "relabel": 0.75}
    queue = build_queue(_signals(200), budget=budget, audit_share=control, costs=costs)
    assert queue["action"].map(costs).sum() <= budget + 1e-9


def test_a_class_quota_is_met_while_rows_of_the_class_are_left() -> None:
    signals = _signals(200)
    signals["suggested_label"] = "cat"
    signals.loc[signals.index[:6], "suggested_label"] = "owl"
    queue = build_queue(signals, budget=20, class_quota={"owl": 4}, audit_share=0)
    assert (queue["suggested_label"] == "owl").sum() >= 4
    assert len(queue) == 20


def test_reviews_that_found_nothing_shift_the_budget_to_new_labels() -> None:
    signals = _signals(200)
    nothing = pd.DataFrame({"score": np.full(40, 0.9), "wrong": np.zeros(40, dtype=bool)})
    before = build_queue(signals, budget=40, audit_share=0)
    after = build_queue(signals, budget=40, audit_share=0, reviewed=nothing)
    assert (after["action"] == "label").sum() > (before["action"] == "label").sum()


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_rows_in_another_order_give_the_same_queue_by_every_strategy(strategy: str) -> None:
    signals = _signals(120)
    rng = np.random.default_rng(0)
    members = rng.dirichlet(np.ones(3), (3, 120)).astype(np.float32)
    x = rng.normal(size=(120, 5)).astype(np.float32)
    order = rng.permutation(120)
    ids = signals.index.to_numpy(object)
    classes = ["cat", "dog", "owl"]
    one = Predictions.from_arrays(members, ids=list(ids), classes=classes, features=x)
    two = Predictions.from_arrays(members[:, order], ids=list(ids[order]), classes=classes, features=x[order])
    options = {"budget": 30, "strategy": strategy, "seed": 4}
    pd.testing.assert_frame_equal(
        build_queue(signals, predictions=one, **options),
        build_queue(signals.iloc[order[::-1]], predictions=two, **options),
    )


def test_nothing_eligible_gives_an_empty_queue_with_its_columns() -> None:
    signals = _signals()
    queue = build_queue(signals, budget=5, exclude=signals.index)
    first = ["sample_id", "action", "score", "suggested_label", "reasons", "control"]
    assert list(queue.columns) == [*first, "probability", "proposal", "other_label"]
    assert len(queue) == 0


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"budget": -1}, "budget"),
        ({"audit_share": 1.5}, "audit_share"),
        ({"strategy": "best"}, "strategy"),
        ({"costs": {"label": 0}}, "costs"),
        ({"min_share": {"label": 0.9, "relabel": 0.9}}, "min_share"),
        ({"human_error": 0}, "human_error"),
        ({"status": pd.DataFrame({"who": ["ana"]})}, "source"),
        ({"reviewed": pd.DataFrame({"score": [0.1]})}, "wrong"),
        ({"class_quota": {"cat": -1}}, "class_quota"),
        ({"seed": -1}, "seed"),
        ({"budget": "5"}, "budget.*'5'"),
        ({"budget": None}, "budget.*None"),
        ({"budget": True}, "budget.*True"),
        ({"audit_share": None}, "audit_share.*None"),
        ({"costs": {"label": "a"}}, "costs.*'a'"),
        ({"costs": [1, 2]}, "costs"),
        ({"min_share": {"label": "a"}}, "min_share"),
        ({"class_quota": {"cat": 1.5}}, "class_quota.*1.5"),
        ({"noise_rate": 2}, "noise_rate.*2"),
        ({"noise_rate": float("nan")}, "noise_rate.*nan"),
        ({"human_error": "a"}, "human_error"),
        ({"exclude": "s001"}, "exclude.*s001"),
    ],
)
def test_bad_arguments_are_named(change: dict[str, object], word: str) -> None:
    with pytest.raises(InputError, match=word):
        build_queue(_signals(), **{"budget": 5, **change})  # type: ignore[arg-type]


def test_signals_that_are_no_table_of_numbers_are_named() -> None:
    with pytest.raises(InputError, match=r"signals must be a DataFrame.*list"):
        build_queue([0.1, 0.9], budget=1)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="label_score of signals must hold numbers"):
        build_queue(_signals().assign(label_score="high"), budget=1)


def test_scores_that_are_missing_count_as_no_doubt() -> None:
    signals = _signals().assign(label_score=np.nan, least_confidence=np.nan)
    queue = build_queue(signals, budget=60)
    assert len(queue) == 60
    assert np.isfinite(queue["score"]).all()


def test_duplicate_ids_are_refused() -> None:
    signals = _signals()
    with pytest.raises(InputError, match="s000"):
        build_queue(pd.concat([signals, signals.iloc[:1]]), budget=5)


def test_no_reason_says_that_something_is_wrong_with_probability_zero() -> None:
    signals = pd.DataFrame(
        {
            "label_score": [0.001, 0.002, 0.9, 0.0],
            "label_flag": [False, False, True, False],
            "given_label": ["cat", "cat", "cat", None],
            "suggested_label": ["cat", "dog", "dog", "dog"],
            "least_confidence": [0.0, 0.0, 0.1, 0.001],
            "reasons": ["", "far from all others", "the models say dog", ""],
        },
        index=["a", "b", "c", "d"],
    )
    queue = build_queue(signals, budget=4, audit_share=0, noise_rate=0.2).set_index("sample_id")
    assert not queue["reasons"].str.contains(r"\b0 %").any()
    assert queue.loc["a", "reasons"] == "no strong sign of an error; included because budget remained"
    assert queue.loc["b", "reasons"] == "far from all others"
    assert queue.loc["d", "reasons"] == "no label yet"
    assert "'cat' is wrong with probability" in queue.loc["c", "reasons"]


def _predictions(signals: pd.DataFrame, *, features: bool = True, same: bool = False) -> Predictions:
    rng = np.random.default_rng(0)
    n = len(signals)
    probs = np.full((n, 3), 1 / 3) if same else rng.dirichlet(np.ones(3), n)
    x = np.ones((n, 4), np.float32) if same else rng.normal(size=(n, 4)).astype(np.float32)
    names = ["cat", "dog", "owl"]
    return Predictions.from_arrays(probs, ids=list(signals.index), classes=names, features=x if features else None)


@pytest.mark.parametrize("strategy", sorted(STRATEGIES))
def test_a_budget_beyond_everything_queues_every_row_once(strategy: str) -> None:
    signals = _signals()
    queue = build_queue(signals, budget=10_000, predictions=_predictions(signals), strategy=strategy)
    assert sorted(queue["sample_id"]) == sorted(signals.index)


@pytest.mark.parametrize("strategy", ["auto", "badge", "typiclust", "kcenter"])
def test_one_unlabelled_sample_is_queued(strategy: str) -> None:
    signals = _signals()
    signals["given_label"] = "cat"
    signals.loc["s007", "given_label"] = None
    queue = build_queue(signals, budget=60, predictions=_predictions(signals), strategy=strategy)
    assert queue.loc[queue["action"] == "label", "sample_id"].tolist() == ["s007"]


def test_a_class_never_labelled_can_be_suggested_and_has_its_quota() -> None:
    signals = _signals(120)
    signals["given_label"] = signals["given_label"].where(signals["given_label"] != "owl", "cat")
    queue = build_queue(signals, budget=20, predictions=_predictions(signals), class_quota={"owl": 5}, audit_share=0)
    assert (queue["suggested_label"] == "owl").sum() >= 5


def test_samples_that_are_all_alike_are_each_queued_once() -> None:
    signals = _signals().assign(label_score=0.5, least_confidence=2 / 3)
    queue = build_queue(signals, budget=40, predictions=_predictions(signals, same=True))
    assert len(queue) == queue["sample_id"].nunique() == 40


def test_without_features_a_queue_is_still_made_and_it_is_said() -> None:
    signals = _signals()
    with pytest.warns(FallbackWarning, match="no features"):
        queue = build_queue(signals, budget=20, predictions=_predictions(signals, features=False))
    assert len(queue) == 20


def test_every_action_gets_its_least_share_and_every_pick_a_reason() -> None:
    signals = _signals(300)
    signals["least_confidence"] = 0.001  # nothing new is worth a look, by value alone
    share = {"label": 0.3, "relabel": 0.3}
    queue = build_queue(signals, budget=40, audit_share=0, min_share=share, predictions=_predictions(signals))
    count = queue["action"].value_counts()
    assert count["label"] >= 12
    assert count["relabel"] >= 12
    assert (queue["reasons"].str.len() > 0).all()


def test_each_detector_and_action_is_corrected_by_its_own_yield() -> None:
    signals = _signals(400)
    signals["label_kind"] = np.where(np.arange(400) % 2 == 0, "mislabelled", "ambiguous")
    past = pd.DataFrame(
        {
            "score": np.full(80, 0.6),
            "wrong": [True] * 40 + [False] * 40,
            "action": "relabel",
            "detector": ["mislabelled"] * 40 + ["ambiguous"] * 40,
        }
    )
    before = build_queue(signals, budget=60, audit_share=0, min_share={"label": 0})
    after = build_queue(signals, budget=60, audit_share=0, min_share={"label": 0}, reviewed=past)
    shares = [
        (signals.loc[q.loc[q["action"] == "relabel", "sample_id"], "label_kind"] == "mislabelled").mean()
        for q in (before, after)
    ]
    assert shares[1] > shares[0] + 0.2
    wrong_guesses = pd.DataFrame({"score": np.full(40, 0.05), "wrong": True, "action": "label"})
    more = build_queue(signals, budget=60, audit_share=0, reviewed=wrong_guesses)
    assert (more["action"] == "label").sum() > (before["action"] == "label").sum()


@pytest.mark.parametrize("seed", range(3))
def test_quotas_count_towards_least_shares_and_neither_overspends(seed: int) -> None:
    signals = _signals(300, seed=seed)
    options = {"class_quota": {"owl": 12, "cat": 6}, "min_share": {"label": 0.7, "relabel": 0.3}}
    for costs in ({}, {"label": 1.5, "relabel": 0.5}, {"relabel": 3.0}):
        queue = build_queue(signals, budget=20, audit_share=0, costs=costs, **options)
        assert queue["action"].map({"label": 1.0, "relabel": 1.0, **costs}).sum() <= 20 + 1e-9
    queue = build_queue(signals, budget=40, audit_share=0, min_share={"label": 0.5}, class_quota={"owl": 10})
    assert (queue["action"] == "label").sum() >= 20
    assert len(queue) == 40


def test_a_quota_that_cannot_be_met_is_said():
    signals = pd.DataFrame(
        {"given_label": None, "suggested_label": ["a", "a", "b"], "least_confidence": [0.1, 0.3, 0.5]},
        index=["x", "y", "z"],
    )
    with pytest.warns(UserWarning, match=r"2 rows expected to be 'c'; 0 of 3"):
        queue = build_queue(signals, budget=2, audit_share=0, class_quota={"c": 2})
    assert len(queue) == 2

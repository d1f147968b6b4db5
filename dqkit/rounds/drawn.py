"""What was known of the rows of a queue when it was drawn: what answers are held against later."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.acquisition.queue.worth import with_rate


def drawn_rows(
    queue: pd.DataFrame, signals: pd.DataFrame, labels: pd.DataFrame, in_play: NDArray[np.bool_]
) -> pd.DataFrame:
    """What was known of the rows of a queue, by sample id.

    Parameters
    ----------
    queue, signals, labels : DataFrame
        Of the round; see `Round.queue`, `dqkit.signals.signal_table` and `Workbench.labels`.
    in_play : (n,) bool
        Samples that are neither held out nor broken.

    Returns
    -------
    DataFrame
        expected: the chance that an answer changes the class, before any review corrects it; for labels nobody had
        seen the scores, moved until their mean is the estimated rate of wrong labels; elsewhere the model's doubt.
        detector: the kind of trouble, "" for rows that are no "relabel". predicted_label. given_label: the label that
        stood, None where there was none or a weak one.
    """
    ids = queue["sample_id"].to_numpy()
    unseen = in_play & (labels["source"] == "given").to_numpy()
    chance = signals["least_confidence"].astype(float).copy()
    chance[unseen] = with_rate(signals["label_score"].to_numpy(float)[unseen], noise_rate(signals, unseen))
    stood = labels.loc[ids, "label"].where(labels.loc[ids, "source"].notna() & (labels.loc[ids, "source"] != "weak"))
    is_relabel = (queue["action"] == "relabel").to_numpy()
    return pd.DataFrame(
        {
            "expected": chance.loc[ids].to_numpy(float),
            "detector": np.where(is_relabel, signals.loc[ids, "label_kind"].to_numpy(object), ""),
            "predicted_label": signals.loc[ids, "predicted_label"].to_numpy(object),
            "given_label": stood.to_numpy(object),
        },
        index=pd.Index(ids, name="sample_id"),
    )


def noise_rate(signals: pd.DataFrame, unseen: NDArray[np.bool_]) -> float | None:
    """Estimated share of wrong labels among those nobody has checked; what people confirmed is no longer noise."""
    rates = signals.loc[unseen, "error_probability"]
    mean = float(rates.mean()) if len(rates) else float("nan")
    return mean if np.isfinite(mean) else None  # predictions at chance judge no label

"""One row of the queue as the card that a person sees."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from dqkit.records import UNLABELED
from dqkit.relabel import Card
from dqkit.relabel.sentences import evidence_sentence
from dqkit.workbench.columns import CLEAR, Columns
from dqkit.workbench.cues import Cues
from dqkit.workbench.media import shown_of, size_of
from dqkit.workbench.signs import sign_of
from dqkit.workbench.state import State

if TYPE_CHECKING:
    from dqkit.workbench.results import Round

SHOWN_NEIGHBORS = 5
SHOWN_EPOCHS = 100


class CardMaker:
    """Makes the cards of one round.

    Parameters
    ----------
    state : State
        The open workbench.
    rnd : Round
        The round of the queue.
    """

    def __init__(self, state: State, rnd: Round) -> None:
        self._state, self.round = state, rnd
        self._cues: Cues | None = None
        self._columns: Columns | None = None

    def card(
        self,
        row: pd.Series[Any],
        labels: pd.Series[Any],
        *,
        mode: str,
        others: tuple[tuple[str, str], ...] = (),
    ) -> Card:
        """The card of one row of the queue; labels: the labels as they are now, by sample id."""
        dataset, rnd = self._state.dataset, self.round
        sample_id = str(row["sample_id"])
        i = int(dataset.positions([sample_id])[0])
        given = labels.loc[sample_id] if isinstance(labels.loc[sample_id], str) else None
        suggested = _text(row["suggested_label"])
        if mode == "second_opinion" and (others or suggested == given):
            suggested = None  # what somebody said is not to be told by what is suggested
        prob = row.get("probability", np.nan)
        models = self._models(i)
        rival = _text(row.get("other_label")) or (given if given != suggested else None)
        leans = self._leans(i, suggested, rival)
        at = rnd.predictions.classes.index(suggested) if suggested in rnd.predictions.classes else None
        own = rnd.predictions.classes.index(given) if given in rnd.predictions.classes else None
        shown = shown_of(self._state, i, first=sorted(leans, key=lambda name: -abs(leans[name])))
        total = max(sum(models.values()), 1)
        return Card(
            sample_id=sample_id,
            action=str(row["action"]),
            given_label=given,
            suggested_label=suggested,
            suggested_prob=None if suggested is None or pd.isna(prob) else float(prob),
            reasons=tuple(part for part in str(row["reasons"]).split("; ") if part),
            media=shown.media,
            mime=shown.mime,
            note=shown.note,
            votes={name: count / total for name, count in models.items()},
            neighbors=self._neighbors(i, labels, leans),
            mode=mode,
            cues=self._cue_words(i, at) if dataset.modality == "text" and at is not None else (),
            margins=_margins(rnd, i, own),
            others=others,
            kin=rnd.pages.get(sample_id),
            sentence=evidence_sentence(models, self._look_alikes(i, labels), suggested),
            about=(sample_id, f"{dataset.split[i]} split", size_of(self._state, i)),
            leans=_sides(leans, suggested, rival),
        )

    def _models(self, i: int) -> dict[str, int]:
        """Class -> how many members choose it; nothing where no model was trained."""
        predictions = self.round.predictions
        if not predictions.is_trained:
            return {}
        chosen = Counter(predictions.member_probs[:, i].argmax(axis=-1).tolist())
        return {predictions.classes[c]: count for c, count in chosen.most_common()}

    def _look_alikes(self, i: int, labels: pd.Series[Any]) -> dict[str, int]:
        """Class -> how many of the nearest samples carry it."""
        if self.round.neighbors is None:
            return {}
        near = [int(j) for j in self.round.neighbors[i] if j >= 0 and j != i]
        return dict(Counter(label for label in labels.iloc[near] if isinstance(label, str)))

    def _neighbors(
        self, i: int, labels: pd.Series[Any], leans: dict[str, float]
    ) -> tuple[tuple[bytes, str | None], ...]:
        if self.round.neighbors is None:
            return ()
        near = [int(j) for j in self.round.neighbors[i] if j >= 0 and j != i][:SHOWN_NEIGHBORS]
        named = [labels.iloc[j] if isinstance(labels.iloc[j], str) else None for j in near]
        if self._state.dataset.modality == "table":
            columns = self._known_columns()
            return tuple((columns.differences(i, j, leans).encode(), name) for j, name in zip(near, named, strict=True))
        return tuple((sign_of(self._state.dataset, j), name) for j, name in zip(near, named, strict=True))

    def _leans(self, i: int, suggested: str | None, rival: str | None) -> dict[str, float]:
        if self._state.dataset.modality != "table":
            return {}
        return self._known_columns().log_odds(i, suggested, rival)

    def _before(self) -> np.ndarray[Any, Any]:
        """The labels the round was computed from, so that what is marked does not move while people answer."""
        code = {name: c for c, name in enumerate(self.round.predictions.classes)}
        labels = np.array(self.round.labels_before["label"].map(code).fillna(UNLABELED), dtype=np.int64)
        labels[self._state.dataset.is_test[: len(labels)]] = UNLABELED
        return labels

    def _cue_words(self, i: int, label: int) -> tuple[str, ...]:
        dataset = self._state.dataset
        if self._cues is None:
            self._cues = Cues(dataset.content[: self.round.size], self._before(), len(self.round.predictions.classes))
        return self._cues.of(str(dataset.content[i]), label)

    def _known_columns(self) -> Columns:
        if self._columns is None:
            self._columns = Columns(
                self._state.dataset_of(self.round.size).content, self._before(), self.round.predictions.classes
            )
        return self._columns


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _sides(leans: dict[str, float], suggested: str | None, rival: str | None) -> dict[str, str]:
    """Column -> the class that its value clearly speaks for."""
    if suggested is None or rival is None:
        return {}
    return {name: suggested if lean > 0 else rival for name, lean in leans.items() if abs(lean) >= CLEAR}


def _margins(rnd: Round, i: int, given: int | None) -> tuple[float, ...]:
    """The given label's margin after each epoch, where the predictions hold such a history."""
    for name, values in rnd.predictions.dynamics.items():
        array = np.asarray(values)
        if array.ndim == 2 and "margin" in name:
            found = array[i]
        elif array.ndim == 3 and given is not None and array.shape[2] > 1:
            found = array[i][:, given] - np.delete(array[i], given, axis=1).max(axis=1)
        else:
            continue
        return tuple(float(v) for v in np.nan_to_num(found)[-SHOWN_EPOCHS:])
    return ()

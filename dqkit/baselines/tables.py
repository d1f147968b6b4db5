"""Default members for tables: gradient boosting, a forest and a linear model over columns of any kind."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.baselines.columns import as_dates, as_numbers, date_parts
from dqkit.baselines.compress import principal
from dqkit.baselines.members import Fitted, Member, Positions, Predict, Scores, full_scores, serialized_size
from dqkit.baselines.representation import Representation
from dqkit.baselines.ridge import FoldRidge

LEVELS = 40
FEATURE_WIDTH = 100
MANY_CLASSES = 60


@dataclass(frozen=True)
class Encoded:
    """ordinal: (n, columns) floats, NaN where missing, categories as codes. categorical: which columns are codes.
    dense: (n, d) standardised numbers, missing marks and one-hot categories."""

    ordinal: NDArray[np.float64]
    categorical: NDArray[np.bool_]
    dense: NDArray[np.float32]


def encode(frame: pd.DataFrame, seen: Positions) -> Encoded:
    """Numbers for a table of numeric, boolean, categorical, text and date columns; statistics come from `seen` rows."""
    ordinal, categorical, dense = [], [], []
    for name in frame.columns:
        numbers = _numbers(frame[name])
        if numbers is None:
            codes, hot = _categories(frame[name], seen)
            ordinal.append(codes)
            categorical.append(True)
            dense.append(hot)
            continue
        for values in numbers:
            ordinal.append(np.where(np.isfinite(values), values, np.nan))
            categorical.append(False)
            dense.append(_standard(ordinal[-1], seen))
    if not ordinal:
        return Encoded(np.zeros((len(frame), 1)), np.zeros(1, dtype=bool), np.zeros((len(frame), 1), dtype=np.float32))
    return Encoded(np.column_stack(ordinal), np.array(categorical), np.hstack(dense).astype(np.float32))


def _numbers(column: pd.Series[Any]) -> list[NDArray[np.float64]] | None:
    """What a column says in numbers, (n,) each; None where its values are categories."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return date_parts(column)
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        return [pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)]
    dates = as_dates(column)
    if dates is not None:
        return date_parts(dates)
    written = as_numbers(column)
    return None if written is None else [written]


def _categories(column: pd.Series[Any], seen: Positions) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Codes of the most frequent levels (others share one), NaN for missing, and their one-hot columns."""
    text = column.astype("string")
    counts = text.iloc[seen].value_counts()
    levels = sorted(counts.index, key=lambda level: (-int(counts[level]), level))[:LEVELS]
    codes = text.map({level: i for i, level in enumerate(levels)}).to_numpy(dtype=np.float64, na_value=np.nan)
    missing = text.isna().to_numpy()
    codes = np.where(np.isnan(codes) & ~missing, float(len(levels)), codes)
    hot = np.zeros((len(column), len(levels) + 2), dtype=np.float32)
    hot[np.arange(len(column)), np.where(missing, len(levels) + 1, np.nan_to_num(codes)).astype(int)] = 1
    return codes, hot - hot[seen].mean(axis=0)


def _standard(values: NDArray[np.float64], seen: Positions) -> NDArray[np.float32]:
    """Robustly scaled values, missing ones at the median, and a column that says which were missing."""
    values = np.clip(values, -1e150, 1e150)  # so that differences and squares stay finite
    known = values[seen][~np.isnan(values[seen])]
    middle, low, high = np.percentile(known, [50, 16, 84]) if len(known) else (0.0, 0.0, 0.0)
    scale = (high - low) / 2 or (float(known.std()) if len(known) else 0.0) or 1.0
    missing = np.isnan(values)
    z = np.clip((np.where(missing, middle, values) - middle) / scale, -5, 5)
    out = z[:, None] if not missing.any() else np.column_stack([z, missing])
    return np.asarray(out - out[seen].mean(axis=0), dtype=np.float32)


class TableRepresentation(Representation):
    """The table as numbers, in the two forms trees and linear models like."""

    @cached_property
    def encoded(self) -> Encoded:
        content = self.task.dataset.content
        frame = content if isinstance(content, pd.DataFrame) else pd.DataFrame(np.asarray(content))
        return encode(frame, self.task.unsupervised)

    @cached_property
    def features(self) -> NDArray[np.float32]:
        task = self.task
        return principal(self.encoded.dense, FEATURE_WIDTH, rows=task.unsupervised, seed=task.seed)

    @cached_property
    def plain(self) -> NDArray[np.float32]:
        return self.encoded.dense

    @cached_property
    def ridge(self) -> FoldRidge:
        return FoldRidge(self.task, self.encoded.dense)

    def members(self) -> list[Member]:
        # A tree a class and step: with a thousand classes, hours.
        boosting = [Member("boosting", self._boosting, {"model": "gradient boosting"})]
        return [
            *(boosting if self.task.n_classes <= MANY_CLASSES else []),
            Member("forest", self._forest, {"model": "extra trees"}),
            Member("linear", lambda fold, seed: self.ridge.fit(fold), {"model": "ridge"}),
        ]

    def _boosting(self, fold: int, seed: int) -> Predict:
        from sklearn.ensemble import HistGradientBoostingClassifier

        train = self.task.training(fold)
        n = len(train)
        # The trees' bins need a value: a column that has none in these rows says nothing, and fitting would fail.
        filled = np.isfinite(self.encoded.ordinal[train]).any(axis=0)
        x, categorical = self.encoded.ordinal[:, filled], self.encoded.categorical[filled]
        if not filled.any():
            x, categorical = np.zeros((len(x), 1)), np.zeros(1, dtype=bool)
        model = HistGradientBoostingClassifier(
            max_iter=int(np.clip(300 // self.task.n_classes, 30, 100)),
            learning_rate=0.1,
            max_leaf_nodes=15,
            min_samples_leaf=int(np.clip(n // 50, 3, 20)),
            l2_regularization=1.0,
            early_stopping=False,
            categorical_features=categorical,
            random_state=seed % 2**31,
        )
        return self._fit(model, x, fold)

    def _forest(self, fold: int, seed: int) -> Predict:
        from sklearn.ensemble import ExtraTreesClassifier

        model = ExtraTreesClassifier(n_estimators=150, min_samples_leaf=3, random_state=seed % 2**31)
        return self._fit(model, self.encoded.dense, fold)

    def _fit(self, model: Any, x: NDArray[Any], fold: int) -> Predict:
        train = self.task.training(fold)
        with warnings.catch_warnings():  # rare classes are not numbers that were taken for classes
            warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
            model.fit(x[train], self.task.y[train])
        present = np.asarray(model.classes_, dtype=np.int64)

        def predict(at: Positions) -> Scores:
            probs = np.asarray(model.predict_proba(x[at]), dtype=np.float64)
            # Laplace's half count: a leaf of three samples cannot vouch for certainty.
            return full_scores(np.log(probs + 0.5 / len(train)), present, self.task.n_classes)

        return Fitted(predict, serialized_size(model))

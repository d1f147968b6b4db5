"""What was found about the labels of a dataset."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.arrays.log_odds import log_odds
from dqkit.checks import truth_values, whole_number, whole_numbers
from dqkit.errors import InputError
from dqkit.signals.label_noise.flagging import decide
from dqkit.signals.label_noise.judge import typical
from dqkit.signals.label_noise.self_test import FamilyTest
from dqkit.signals.label_noise.taught import taught

LEAST = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class LabelErrors:
    """Which labels are probably wrong, one row per sample in `table`, and the noise in all.

    Attributes
    ----------
    table : DataFrame
        Rows 0 to n - 1. score: [0, 1], higher = look sooner. flag: bool, score > 0.5. suggested_label: int, the most
        probable true class (a float for a continuous target). error_probability: the scores scaled so that they add up
        to the estimated number of errors. kind: "mislabelled", "ambiguous" (two classes nearly equal), "outlier",
        "hard_but_correct" or "". reasons: plain words for rows that are flagged or score above 0.25, else "".
    noise_rate : float
        The share of the labelled rows whose label is wrong.
    noise_rate_interval : (float, float)
        Its 95 % interval.
    noise_matrix : ndarray, shape (c, c)
        Row = true class, column = given class, rows sum to one; (0, 0) for a continuous target.
    weights : ndarray, shape (members,)
        The weight of each member, summing to one.
    scorers : tuple of str
        What the scores rest on.
    families : tuple of FamilyTest
        For neighbours and training history, where they were given: whether they are used, and how well planted errors
        are found with them and without.
    not_judged : str
        Empty where the labels could be judged; else a sentence that says why not. Then nothing is flagged, the rate and
        error_probability are NaN, and the scores (at most 0.5) only keep their order.
    unlike_simulated : float
        0 to 1: how far predictions and labels are, as a whole, unlike all those that the judge has learned from. So far
        the noise matrix alone decides in its place.
    labelled : ndarray of bool, shape (n,)
        Which rows carry a label.
    before_answers : (float, float, float) or None
        The rate and the ends of its interval before answers taught the judge; None where there were none.
    reviewed_probability : ndarray, shape (r,)
        Of the answers that taught the judge: how probable it is now that each label was wrong.
    """

    table: pd.DataFrame
    noise_rate: float
    noise_rate_interval: tuple[float, float]
    noise_matrix: NDArray[np.float64]
    weights: NDArray[np.float64]
    scorers: tuple[str, ...]
    families: tuple[FamilyTest, ...] = ()
    not_judged: str = ""
    unlike_simulated: float = 0.0
    labelled: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=bool))
    before_answers: tuple[float, float, float] | None = None
    reviewed_probability: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))

    def expected_precision(self, k: int) -> float:
        """Return the expected share of wrong labels among the rows that score highest.

        Parameters
        ----------
        k : int
            A review budget of 1 row or more; more than there are means all.

        Returns
        -------
        float
            In [0, 1].

        Raises
        ------
        InputError
            Where k is below 1.
        """
        rows = whole_number("k, a review budget of rows,", k, least=1)
        order = np.argsort(-self.table["score"].to_numpy(), kind="stable")[:rows]
        return float(self.table["error_probability"].to_numpy()[order].mean())

    def updated(self, rows: ArrayLike, wrong: ArrayLike, *, at_random: ArrayLike | None = None) -> LabelErrors:
        """Return what is found once people have looked at some rows.

        Parameters
        ----------
        rows : array-like of int, shape (r,)
            Positions of labelled rows, each once.
        wrong : array-like of bool, shape (r,)
            Whether the label of each turned out to be wrong.
        at_random : array-like of bool, shape (r,), optional
            Whether each was drawn at random; all by default. Rows that were picked because they look suspicious teach
            the estimates as well, but make the interval of the rate no narrower.

        Returns
        -------
        LabelErrors
            The log odds of all rows are shifted and stretched as the answers say; rate, flags and expected precision
            follow. The rows looked at have score and error_probability 1 or 0. Suggested labels and reasons stay.

        Raises
        ------
        InputError
            Where rows repeat, are out of range or carry no label, where lengths disagree, and where no label was
            judged, or cleanlab's method was asked for.

        Notes
        -----
        The shift has a normal prior as wide as the interval of the rate: a few answers move a sure judge little and an
        unsure one much. Pass all answers to the first result; a result that was updated knows its answers already.

        Examples
        --------
        >>> import numpy as np
        >>> from dqkit.signals import label_errors
        >>> rng = np.random.default_rng(0)
        >>> true = rng.integers(0, 2, 400)
        >>> probs = np.where(np.eye(2)[true] > 0, 0.8, 0.2)
        >>> found = label_errors(np.where(rng.random(400) < 0.1, 1 - true, true), probs)
        >>> found.updated([0, 1, 2], [False] * 3).table["error_probability"].to_numpy()[:3].tolist()
        [0.0, 0.0, 0.0]
        """
        at = whole_numbers("rows", rows, shape="(r,)", ndim=1, least=0, most=len(self.table) - 1)
        seen = truth_values("wrong", wrong, n=len(at))
        chosen = np.ones(len(at), dtype=bool) if at_random is None else truth_values("at_random", at_random, n=len(at))
        if len(np.unique(at)) != len(at):
            raise InputError(f"rows must name each row once; got {len(at)} rows, {len(np.unique(at))} unlike.")
        if self.not_judged or not len(self.labelled):
            raise InputError(f"answers have nothing to teach: no label was judged. {self.not_judged}".rstrip())
        if not self.labelled[at].all():
            raise InputError("rows must carry a label each: of a row without one nothing can be right or wrong.")
        chance = self.table["error_probability"].to_numpy(float)
        middle, low, high = log_odds(np.array([self.noise_rate, *self.noise_rate_interval]), floor=LEAST)
        new, off = taught(
            log_odds(chance[self.labelled], floor=LEAST),
            (float(middle - low), float(high - middle)),
            log_odds(chance[at], floor=LEAST),
            seen,
            chosen,
        )
        found = decide(new, off, typical(off))
        table = self.table.copy()
        for name, values in (("score", found.score), ("error_probability", found.error_probability)):
            column = np.zeros(len(table))
            column[self.labelled] = values
            column[at] = seen
            table[name] = column
        table["flag"] = table["score"] > 0.5
        before = self.before_answers or (self.noise_rate, *self.noise_rate_interval)
        return replace(
            self, table=table, noise_rate=found.rate, noise_rate_interval=found.interval, before_answers=before
        )

    def __repr__(self) -> str:
        low, high = self.noise_rate_interval
        if self.not_judged:
            return f"LabelErrors({len(self.table):,} rows, none judged. {self.not_judged})"
        return (
            f"LabelErrors({len(self.table):,} rows, {int(self.table['flag'].sum()):,} flagged, noise rate "
            f"{self.noise_rate:.3f} [{low:.3f}, {high:.3f}], from {', '.join(self.scorers)})"
        )

"""Queue rows that share a suggestion, cut into pages of look-alikes for the grid."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

PAGE = 48
AT_ONCE = 1000  # rows whose distances are looked at together


def pages(queue: pd.DataFrame, features: NDArray[np.float32] | None) -> dict[str, tuple[int, int]]:
    """Sample id -> (page, place): rows of one page share a suggestion and stand in an order of likeness.

    queue: sample_id, suggested_label, action, control. features: (rows of the queue, d), or None: then the order of the
    queue. Rows of the random audit sample and second opinions are answered one by one and are on no page. Pages hold
    about equally many, at most 60.
    """
    fit = ~queue["control"].to_numpy(bool) & (queue["action"] != "second_opinion").to_numpy()
    rows = np.flatnonzero(fit & queue["suggested_label"].notna().to_numpy())
    ids, labels = queue["sample_id"].to_numpy(object), queue["suggested_label"].to_numpy(object)
    out: dict[str, tuple[int, int]] = {}
    number = 0
    for label in dict.fromkeys(labels[rows]):
        mine = rows[labels[rows] == label]
        x = None if features is None else np.asarray(features[mine], dtype=np.float64)
        ordered = mine if x is None else mine[order(x)]
        at = {row: i for i, row in enumerate(mine)}
        gaps = None if x is None else _gaps(x[[at[row] for row in ordered]])
        for part in np.split(ordered, cuts(len(ordered), gaps)):
            out.update({str(ids[row]): (number, place) for place, row in enumerate(part)})
            number += 1
    return out


def order(x: NDArray[np.float64]) -> NDArray[np.intp]:
    """Positions of the rows of x, look-alikes side by side: the leaves of an average-linkage tree.

    Beyond 1,000 rows they are first laid along their main direction and treed a thousand at a time.
    """
    from scipy.cluster.hierarchy import leaves_list, linkage

    if len(x) < 3 or not np.isfinite(x).all():
        return np.arange(len(x), dtype=np.intp)
    parts = [np.arange(len(x), dtype=np.intp)]
    if len(x) > AT_ONCE:
        centred = x - x.mean(axis=0)
        main = np.linalg.eigh(centred.T @ centred)[1][:, -1] if x.shape[1] <= AT_ONCE else centred[0]
        along = np.argsort(centred @ main, kind="stable")
        parts = np.array_split(along, -(-len(x) // AT_ONCE))
    return np.concatenate([part[leaves_list(linkage(x[part], "average"))] if len(part) > 2 else part for part in parts])


def cuts(n: int, gaps: NDArray[np.float64] | None, *, page: int = PAGE) -> list[int]:
    """Where to cut n ordered rows into pages of about `page`: at the widest gap near each even cut.

    gaps: (n - 1,) how different a row is from the one before it.

    >>> cuts(100, None)
    [33, 67]
    """
    count = max(1, -(-n // page))
    slack = 0 if gaps is None else max(0, min(n // count // 4, (60 - n // count) // 2))
    out = []
    for k in range(1, count):
        at = round(n * k / count)
        near = np.arange(max(1, at - slack), min(n, at + slack + 1))
        out.append(int(at if gaps is None else near[int(np.argmax(gaps[near - 1]))]))
    return out


def _gaps(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.norm(np.diff(x, axis=0), axis=1))

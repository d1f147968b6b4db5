"""What the content of the samples says of them, whatever their labels are: a second look at new labels reuses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.near_copies import identical_content, linked_groups, similar_images
from dqkit.records import Dataset, size_columns
from dqkit.signals.duplicates import lone_pairs
from dqkit.signals.image_properties import image_properties
from dqkit.signals.neighbors import Neighbors, neighbors
from dqkit.signals.order import OrderTest, order_test
from dqkit.signals.text_properties import text_properties

NEIGHBORS = 10
_GRAPH = ("outlier_distance", "duplicate_distance", "recall", "recall_rows")


@dataclass(frozen=True, eq=False)
class ContentSignals:
    """The signals that read no label.

    graph: neighbours over all samples, None without features. properties: one row a sample, None for tables.
    duplicate_group, near_duplicate: (n,) those of the graph, the texts or the pictures together. first: (n,) the first
    sample with identical content. order: None where a sample cannot be used.
    """

    graph: Neighbors | None
    properties: pd.DataFrame | None
    duplicate_group: NDArray[np.int64]
    near_duplicate: NDArray[np.bool_]
    first: NDArray[np.int64]
    order: OrderTest | None

    def __len__(self) -> int:
        return len(self.first)

    def neighbor_columns(self) -> pd.DataFrame:
        """The columns of the graph, blank ones where there is none."""
        return _neighbor_columns(self.graph, len(self))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The same as plain arrays, none of objects."""
        out: dict[str, NDArray[Any]] = {
            "duplicate_group": self.duplicate_group,
            "near_duplicate": self.near_duplicate,
            "first": self.first,
        }
        if self.graph is not None:
            graph = self.graph
            out |= {f"graph.{name}": graph.table[name].to_numpy() for name in graph.table}
            kind = np.int32 if len(graph) < 2**31 else np.int64
            out |= {"indices": graph.indices.astype(kind), "distances": graph.distances}
            out |= {"graph:numbers": np.array([getattr(graph, name) for name in _GRAPH], dtype=np.float64)}
            out |= {"graph:names": np.array([graph.metric, graph.method])}
        for name, values in {} if self.properties is None else self.properties.items():
            column = values.to_numpy()
            out[f"properties.{name}"] = column.astype(str) if column.dtype == object else column
        if self.order is not None:
            out |= {"order:numbers": np.array([self.order.p_value, self.order.statistic])}
            out |= {"order.score": self.order.score, "order.flag": self.order.flag}
        return out

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> ContentSignals:
        """What `arrays` gave, as it was."""
        graph = None
        if "indices" in arrays:
            numbers, names = arrays["graph:numbers"].tolist(), arrays["graph:names"].tolist()
            graph = Neighbors(
                table=_frame(arrays, "graph."),
                indices=arrays["indices"].astype(np.int64),
                distances=arrays["distances"],
                metric=names[0],
                method=names[1],
                **{**dict(zip(_GRAPH, numbers, strict=True)), "recall_rows": int(numbers[-1])},
            )
        properties = _frame(arrays, "properties.")
        order = None
        if "order.score" in arrays:
            p_value, statistic = arrays["order:numbers"].tolist()
            order = OrderTest(p_value, statistic, arrays["order.score"], arrays["order.flag"])
        return cls(
            graph=graph,
            properties=properties if len(properties.columns) else None,
            duplicate_group=arrays["duplicate_group"],
            near_duplicate=arrays["near_duplicate"],
            first=arrays["first"],
            order=order,
        )


def content_signals(
    dataset: Dataset,
    features: NDArray[Any] | None,
    *,
    seed: int = 0,
    sharpness: NDArray[np.float64] | None = None,
) -> ContentSignals:
    """Look at the content and the features of a dataset; nothing here reads its labels, classes or groups.

    seed: of the random orders of the order test. sharpness: of the originals of pictures, see `image_properties`.
    """
    usable = np.asarray(dataset.is_usable, dtype=bool)
    n = len(dataset)
    graph = _graph(features, usable)
    properties = _properties(dataset, sharpness)
    columns = _neighbor_columns(graph, n)
    group, near = columns["duplicate_group"].to_numpy(), columns["near_duplicate"].to_numpy(dtype=bool)
    if dataset.modality == "text" and properties is not None:
        # Features of words call two questions of one form alike; whether texts are copies is read off the texts.
        blank = blank_where_unusable(properties, usable)
        group = blank["near_identical_group"].to_numpy()
        near = blank["near_identical_flag"].to_numpy(dtype=bool)
    if dataset.modality == "image":
        # Features even out contrast, and with it blow up the grain of a picture saved again: pixels have their say too.
        pairs = [] if graph is None else [lone_pairs(graph.indices, graph.distances)]
        group = _joined(group, _similar_pictures(dataset.content, usable), *pairs)
        near = near | (group >= 0)
    # Texts without a letter or digit are in no group, and may still be identical.
    among = None if dataset.modality == "text" else np.flatnonzero(group >= 0)
    found = ContentSignals(
        graph=graph,
        properties=properties,
        duplicate_group=np.asarray(group, dtype=np.int64),
        near_duplicate=np.asarray(near, dtype=bool),
        first=identical_content(dataset, among),
        order=None if graph is None or not usable.all() or n < 3 else order_test(graph.indices, seed=seed),
    )
    return ContentSignals.of_arrays(found.arrays())  # made now or read from a file: of the same kinds


def blank_where_unusable(properties: pd.DataFrame, usable: NDArray[np.bool_]) -> pd.DataFrame:
    """The same with nothing found on samples that cannot be used: their content stands for nothing."""
    if usable.all():
        return properties
    out = properties.copy()
    for column in out.columns:
        if column.endswith(("_score", "_flag")):
            out.loc[~usable, column] = False if column.endswith("_flag") else 0.0
        elif column.endswith("_group"):
            out.loc[~usable, column] = -1
    return out


def _frame(arrays: Mapping[str, NDArray[Any]], stem: str) -> pd.DataFrame:
    return pd.DataFrame({name.removeprefix(stem): column for name, column in arrays.items() if name.startswith(stem)})


def _graph(features: NDArray[Any] | None, usable: NDArray[np.bool_]) -> Neighbors | None:
    rows = np.flatnonzero(usable)
    if features is None or len(rows) < 2:
        return None
    found = neighbors(features[rows], min(NEIGHBORS, len(rows) - 1))
    if len(rows) == len(usable):
        return found
    return _scattered(found, rows, len(usable))


def _scattered(found: Neighbors, rows: NDArray[np.int64], n: int) -> Neighbors:
    """The same graph numbered by the positions of the whole dataset; rows outside it have no neighbours."""
    indices = np.full((n, found.k), -1, dtype=np.int64)
    distances = np.full((n, found.k), np.inf, dtype=found.distances.dtype)
    indices[rows] = rows[found.indices]
    distances[rows] = found.distances
    blank = {"outlier": False, "exact_duplicate": False, "near_duplicate": False, "duplicate_group": -1}
    columns = {}
    for name in found.table.columns:
        default = blank.get(name, np.nan if name == "nearest_distance" else 0.0)
        column = np.full(n, default, dtype=found.table[name].to_numpy().dtype)
        column[rows] = found.table[name].to_numpy()
        columns[name] = column
    return replace(found, table=pd.DataFrame(columns), indices=indices, distances=distances)


def _neighbor_columns(graph: Neighbors | None, n: int) -> pd.DataFrame:
    if graph is not None:
        return graph.table
    zeros, no = np.zeros(n), np.zeros(n, dtype=bool)
    return pd.DataFrame(
        {
            "outlier_score": zeros,
            "outlier": no,
            "nearest_distance": np.full(n, np.nan),
            "exact_duplicate": no,
            "near_duplicate": no,
            "duplicate_group": np.full(n, -1, dtype=np.int64),
            "uniqueness": zeros,
            "representativeness": zeros,
        }
    )


def _similar_pictures(content: NDArray[np.uint8], usable: NDArray[np.bool_]) -> NDArray[np.int64]:
    rows = np.flatnonzero(usable)
    group = np.full(len(usable), -1, dtype=np.int64)
    if len(rows):
        group[rows] = similar_images(content if len(rows) == len(usable) else content[rows])
    return group


def _joined(*groupings: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) the groups of rows that any of the groupings (or a chain of them) joins, from 0 by first row; -1 = none."""
    left, right = [], []
    for group in groupings:
        rows = np.flatnonzero(group >= 0)
        left.append(rows)
        right.append(rows[np.unique(group[rows], return_index=True)[1]][np.unique(group[rows], return_inverse=True)[1]])
    return linked_groups(len(groupings[0]), np.concatenate(left), np.concatenate(right))


def _properties(dataset: Dataset, sharpness: NDArray[np.float64] | None) -> pd.DataFrame | None:
    """Properties of the content, one row a sample; None for tables."""
    if dataset.modality == "text":
        return text_properties([str(text) for text in dataset.content])
    if dataset.modality == "image":
        sizes = _sizes(dataset.metadata)
        if sizes is not None and not (np.isfinite(sizes) & (sizes > 0)).all():
            # A picture that could not be read has no size; its pixels are blank whatever is assumed.
            height, width = dataset.content.shape[1:3]
            sizes = np.where(np.isfinite(sizes) & (sizes > 0), sizes, [[width, height]])
        return image_properties(dataset.content, sizes=sizes, sharpness=sharpness)
    return None


def _sizes(metadata: pd.DataFrame) -> NDArray[np.float64] | None:
    """(n, 2) width and height of the files, None where they are not known."""
    names = size_columns(metadata.columns)
    sizes = metadata[list(names or ())]
    if names is None or not all(pd.api.types.is_numeric_dtype(kind) for kind in sizes.dtypes):
        return None
    return np.asarray(sizes.to_numpy(dtype=np.float64, na_value=np.nan))

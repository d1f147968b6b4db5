"""Properties of images that spoil training or leak the label: dark, blurry, empty, odd in size, shape or colour."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dqkit.checks import as_array, as_labels, instance, number, numbers
from dqkit.records import InputError
from dqkit.signals.image_measures import Measures, measure

DARK, LIGHT, ODD_ASPECT_RATIO, LOW_INFORMATION, BLURRY = 0.32, 0.05, 0.35, 0.3, 0.29
SIZE_IQR = 3.0
# Of 120 photos of clothes 99.5 % are sharper than 0.48; blurred by 1.5 or 3 pixels of 512 and saved again, 99 % are
# below 0.33 and 0.19.
SOFT = 0.35
_MOSTLY_COLOUR = 0.5
LARGEST_SIDE = 10_000_000


def image_properties(
    pixels: NDArray[np.uint8], *, sizes: ArrayLike | None = None, sharpness: ArrayLike | None = None
) -> pd.DataFrame:
    """Find pictures that are dark, light, blurry, empty, oddly shaped or grey.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (n, height, width) or (n, height, width, channels)
        1 or 2 channels are grey, 3 or 4 colour.
    sizes : array-like, shape (n, 2), optional
        Width and height of the original pictures, where `pixels` holds them scaled to fit and centred on a black
        canvas. The canvas is then left out of every measure.
    sharpness : array-like, shape (n,), optional
        Of the originals, in (0, 1], higher = sharper, NaN where not measured; see
        `dqkit.datasets.pixels.sharpness.sharpness_of`. It then decides what is blurry.

    Returns
    -------
    DataFrame
        One row per image. For each property <property>_score, in [0, 1], higher = look sooner, and <property>_flag,
        bool. Then the raw brightness, contrast and sharpness, for `property_correlation`.

    Raises
    ------
    InputError
        Where pixels are not uint8 of such a shape, or sizes do not fit.

    Notes
    -----
    Definitions and thresholds are CleanVision's. dark: 99th percentile of the brightness below 0.32. light: 5th
    percentile above 0.95. blurry: sharpness below 0.35, and where it was not measured, little contrast at the edges and
    in the histogram at 64 pixels.
    low_information: entropy of the values below 3 bits. odd_aspect_ratio: shorter / longer side below 0.35. odd_size:
    the root of the area is more than 3 IQR outside the quartiles. grayscale: no colour, flagged only in a set where
    most pictures have colour (CleanVision flags every one). CleanVision measures the original file: on scaled pixels,
    values near a threshold may fall on its other side.

    Examples
    --------
    >>> image_properties(np.zeros((1, 8, 8), dtype=np.uint8))[["dark_score", "dark_flag"]].to_numpy().tolist()
    [[1.0, True]]
    """
    pixels = as_array("pixels", pixels, shape="(n, height, width) or (n, height, width, channels)")
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4) or min(pixels.shape[1:]) == 0:
        raise InputError(
            f"pixels must be uint8 (n, height, width) or (n, height, width, channels); got {pixels.dtype} "
            f"{pixels.shape}. Scale values to 0..255 first."
        )
    if pixels.ndim == 4 and pixels.shape[3] > 4:
        raise InputError(f"pixels must have 1 to 4 channels, last; got shape {pixels.shape}.")
    n, height, width = pixels.shape[:3]
    shapes = np.tile(np.array([[width, height]]), (n, 1))
    if sizes is not None:
        shapes = numbers("sizes", sizes, shape=f"({n}, 2)", finite=True)
    if (
        shapes.shape != (n, 2)
        or shapes.dtype.kind not in "iuf"
        or (n and not ((shapes > 0) & (shapes < LARGEST_SIDE)).all())
    ):
        told = f"sizes must hold a positive width and height for each of the {n} images"
        raise InputError(f"{told}, below {LARGEST_SIDE:,}; got {shapes.shape}.")
    table = _table(measure(pixels, None if sizes is None else shapes.astype(np.float64)), shapes.astype(np.float64))
    if sharpness is not None:
        known = numbers("sharpness", sharpness, shape=f"({n},)").astype(np.float64)
        if known.shape != (n,) or (np.nan_to_num(known, nan=1.0) <= 0).any() or (np.nan_to_num(known) > 1).any():
            raise InputError(f"sharpness must be one number in (0, 1], or NaN, for each of the {n} images.")
        at = np.isfinite(known)
        table.loc[at, "blurry_score"] = np.clip(1 - known[at] / (2 * SOFT), 0, 1)
        table.loc[at, "blurry_flag"] = known[at] < SOFT
    return table


def property_correlation(properties: pd.DataFrame, labels: ArrayLike, *, q: float = 0.05) -> pd.DataFrame:
    """Measure how strongly each property depends on the label: a shortcut that a model could take.

    Parameters
    ----------
    properties : DataFrame
        n rows. Numeric columns are tested; flags and others are left out.
    labels : array-like of int, shape (n,)
        -1 = unlabelled (left out).
    q : float
        The share of false discoveries that is accepted.

    Returns
    -------
    DataFrame
        Strongest first. property. eta_squared: the share of the property's variance that the class explains, in [0, 1].
        p_value: of Kruskal & Wallis's rank test. q_value: Benjamini & Hochberg. spurious: q_value <= q and eta_squared
        >= 0.14, Cohen's large effect.

    Raises
    ------
    InputError
        Where the lengths differ, or labels are none.

    Examples
    --------
    >>> brightness = pd.DataFrame({"brightness": [0.1, 0.2, 0.1, 0.9, 0.8, 0.9] * 5})
    >>> bool(property_correlation(brightness, [0, 0, 0, 1, 1, 1] * 5)["spurious"][0])
    True
    """
    from scipy.stats import kruskal

    from dqkit.signals.underperforming_groups import false_discovery

    instance("properties", properties, pd.DataFrame, "a DataFrame, one row a sample")
    q = number("q", q, above=0, below=1)
    given = as_labels(labels, n=len(properties))
    if given.size and given.max() >= LARGEST_SIDE:
        raise InputError(f"labels must be below {LARGEST_SIDE:,}; got {given.max()}. Number the classes from 0.")
    judged = given >= 0
    given = given[judged]
    count = np.bincount(given)
    rows = []
    for name in properties.columns:
        column = properties[name]
        if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
            continue
        values = column.to_numpy(dtype=np.float64)[judged]
        if len(values) < 2 or (count > 0).sum() < 2 or not np.isfinite(values).all() or np.ptp(values) == 0:
            continue
        present = count > 0
        mean = np.bincount(given, weights=values)[present] / count[present]
        total = float(np.square(values - values.mean()).sum())
        between = float((count[present] * np.square(mean - values.mean())).sum())
        p_value = float(kruskal(*[values[given == label] for label in np.flatnonzero(present)]).pvalue)
        rows.append((str(name), min(between / total, 1.0), p_value))
    table = pd.DataFrame(rows, columns=["property", "eta_squared", "p_value"])
    table["q_value"] = false_discovery(table["p_value"].to_numpy(dtype=np.float64))
    table["spurious"] = (table["q_value"] <= q) & (table["eta_squared"] >= 0.14)
    return table.sort_values(["eta_squared", "property"], ascending=[False, True], kind="stable").reset_index(drop=True)


def _table(found: Measures, shapes: NDArray[np.float64]) -> pd.DataFrame:
    contrast = 1 - np.exp(-0.01 * found.histogram_std)
    contrast[contrast <= 0.18] = 0
    sharp = np.minimum(1 - np.exp(-0.01 * found.edge_std) + contrast, 1)
    information = np.minimum(0.1 * found.entropy, 1)
    ratio = np.minimum(shapes[:, 0] / shapes[:, 1], shapes[:, 1] / shapes[:, 0])
    common_size, size_threshold = _size(np.sqrt(shapes[:, 0]) * np.sqrt(shapes[:, 1]))
    coloured = bool(len(ratio)) and float((~found.grey).mean()) > _MOSTLY_COLOUR
    columns: dict[str, Any] = {}
    for name, good, threshold in (
        ("dark", found.bright_99, DARK),
        ("light", 1 - found.bright_5, LIGHT),
        ("blurry", sharp, BLURRY),
        ("low_information", information, LOW_INFORMATION),
        ("odd_aspect_ratio", ratio, ODD_ASPECT_RATIO),
        ("odd_size", common_size, size_threshold),
    ):
        columns[f"{name}_score"] = np.clip(1 - good, 0, 1)
        columns[f"{name}_flag"] = good < threshold
    columns["grayscale_score"] = found.grey.astype(np.float64)
    columns["grayscale_flag"] = found.grey & coloured
    columns["brightness"] = found.brightness
    columns["contrast"] = found.contrast
    columns["sharpness"] = found.edge_std
    return pd.DataFrame(columns)


def _size(size: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """How near each size is to the middle of the usual range, 1 = there, and the value below which it is odd."""
    if not len(size):
        return size, 0.5
    low, high = np.percentile(size, [25, 75])
    start, stop = low - SIZE_IQR * (high - low), high + SIZE_IQR * (high - low)
    middle, gap = (start + stop) / 2, stop - start
    distance = np.abs(size - middle)
    return 1 - np.clip(distance / (gap if gap > 0 else middle), 0, 1), 0.5 if gap > 0 else 1.0

"""Small charts as inline SVG; colours come from the page's style sheet, so they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from markupsafe import Markup

from dqkit.findings.words import fixed, number, percent

WIDTH, HEIGHT = 380, 220
LEFT, RIGHT, TOP, BOTTOM = 56, 22, 18, 34


def _frame(body: Sequence[Markup], label: str, height: int = HEIGHT) -> Markup:
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, height, label, Markup("").join(body)
    )


def _text(x: float, y: float, words: str, anchor: str = "middle", kind: str = "tick") -> Markup:
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(
        kind, f"{x:.1f}", f"{y:.1f}", anchor, words
    )


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"/>').format(
        kind, f"{x1:.1f}", f"{y1:.1f}", f"{x2:.1f}", f"{y2:.1f}"
    )


def _rect(x: float, y: float, width: float, height: float, kind: str) -> Markup:
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="1.5"/>').format(
        kind, f"{x:.1f}", f"{y:.1f}", f"{max(width, 0):.1f}", f"{max(height, 0):.1f}"
    )


def _dot(x: float, y: float, kind: str = "dot", radius: float = 3.5) -> Markup:
    return Markup('<circle class="{}" cx="{}" cy="{}" r="{}"/>').format(kind, f"{x:.1f}", f"{y:.1f}", radius)


def nice_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round values that cover [low, high], `most` + 1 at the most.

    >>> nice_ticks(0, 0.043)
    [0.0, 0.01, 0.02, 0.03, 0.04, 0.05]
    """
    gap = max(high - low, 1e-9)
    unit = 10.0 ** math.floor(math.log10(gap / most))
    step = next(
        f * unit for f in (1, 2, 2.5, 5, 10, 20) if math.ceil(high / (f * unit)) - math.floor(low / (f * unit)) <= most
    )
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _percents(ticks: Sequence[float]) -> list[str]:
    """The ticks as percentages, with the decimals that their distance needs."""
    step = 100 * (ticks[1] - ticks[0]) if len(ticks) > 1 else 1.0
    digits = next((d for d in range(4) if abs(step * 10**d - round(step * 10**d)) < 1e-6), 4)
    return [fixed(tick, digits) for tick in ticks]


def histogram(
    data: dict[str, Any], label: str, axis: str, *, part: dict[str, Any] | None = None, logarithmic: bool = False
) -> Markup:
    """Bars of counts over [0, 1]; `part` is a subset in the same bins, drawn in front in the colour of warning."""
    edges, counts = data["edges"], data["counts"]
    height, most = 180, max([*counts, 1])
    across = _scale(0, 1, LEFT, WIDTH - RIGHT)
    if logarithmic:
        # The axis starts at half a count, so that a single sample is still seen.
        ticks = [10.0**k for k in range(max(1, math.ceil(math.log10(most))) + 1)]
        up = _log_scale(0.5, ticks[-1], height - BOTTOM, TOP)
    else:
        ticks = nice_ticks(0, most, 4)
        up = _scale(0, ticks[-1], height - BOTTOM, TOP)
    floor = up(0)
    body = [_line(LEFT, up(t), WIDTH - RIGHT, up(t), "grid") for t in ticks]
    body += [_text(LEFT - 6, up(t) + 4, number(t, "count"), "end") for t in ticks]
    for kind, heights in (("bar", counts), ("bar strong", part["counts"] if part else [])):
        for left, right, count in zip(edges[:-1], edges[1:], heights, strict=False):
            if count:
                width = across(right) - across(left) - 2
                body.append(_rect(across(left) + 1, up(count), width, floor - up(count), kind))
    body += [_text(across(t), height - BOTTOM + 15, f"{t:g}") for t in (0.0, 0.25, 0.5, 0.75, 1.0)]
    body.append(_text((LEFT + WIDTH - RIGHT) / 2, height - 3, axis, kind="axis"))
    return _frame(body, label, height)


def reliability(bins: Sequence[dict[str, Any]], label: str) -> Markup:
    """Accuracy against confidence; the diagonal is a model that knows what it knows."""
    size = 300
    across, up = _scale(0, 1, LEFT, WIDTH - RIGHT), _scale(0, 1, size - BOTTOM, TOP)
    ticks = (0.0, 0.25, 0.5, 0.75, 1.0)
    body = [_line(LEFT, up(t), WIDTH - RIGHT, up(t), "grid") for t in ticks]
    body += [_text(LEFT - 6, up(t) + 4, percent(t), "end") for t in ticks]
    body += [_text(across(t), size - BOTTOM + 15, percent(t)) for t in ticks]
    body.append(_line(across(0), up(0), across(1), up(1), "ideal"))
    most = max((row["n"] for row in bins), default=1)
    path = " ".join(f"{across(row['confidence']):.1f},{up(row['accuracy']):.1f}" for row in bins)
    body += [
        _line(across(row["confidence"]), up(row["confidence"]), across(row["confidence"]), up(row["accuracy"]), "gap")
        for row in bins
    ]
    body.append(Markup('<polyline class="trace" points="{}"/>').format(path))
    body += [
        _dot(across(row["confidence"]), up(row["accuracy"]), radius=3 + 4 * math.sqrt(row["n"] / most)) for row in bins
    ]
    body.append(_text((LEFT + WIDTH - RIGHT) / 2, size - 3, "confidence", kind="axis"))
    return _frame(body, label, size)


def curve(points: Sequence[tuple[str, float]], label: str, bands: Sequence[tuple[float, float] | None] = ()) -> Markup:
    """Shares over rounds, with an optional interval at each point."""
    shares = [share for _, share in points]
    spans = [edge for band in bands if band for edge in band]
    ticks = nice_ticks(max(0.0, min(shares + spans) - 0.005), min(1.0, max(shares + spans) + 0.005))
    inset = 26
    across = _scale(0, max(len(points) - 1, 1), LEFT + inset, WIDTH - RIGHT - inset)
    up = _scale(ticks[0], ticks[-1], HEIGHT - BOTTOM, TOP)
    body = [_line(LEFT, up(t), WIDTH - RIGHT, up(t), "grid") for t in ticks]
    body += [_text(LEFT - 6, up(t) + 4, words, "end") for t, words in zip(ticks, _percents(ticks), strict=True)]
    for i, band in enumerate(bands):
        if band:
            body.append(_line(across(i), up(band[0]), across(i), up(band[1]), "whisker"))
    path = " ".join(f"{across(i):.1f},{up(share):.1f}" for i, share in enumerate(shares))
    body.append(Markup('<polyline class="trace" points="{}"/>').format(path))
    every = -(-len(points) // 8)
    for i, (name, share) in enumerate(points):
        body.append(_dot(across(i), up(share)))
        if i % every == 0 or i == len(points) - 1:
            body.append(_text(across(i), HEIGHT - BOTTOM + 15, name))
    tops = [
        max(share, *(band or (share,))) for share, band in zip(shares, [*bands, *[None] * len(shares)], strict=False)
    ]
    for i in {0, len(points) - 1}:
        body.append(_text(across(i), up(tops[i]) - 9, percent(shares[i]), kind="value"))
    body.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 3, "round", kind="axis"))
    return _frame(body, label)


def interval(rate: float, low: float, high: float, label: str) -> Markup:
    """An estimate on a line with its interval around it."""
    height = 74
    ticks = nice_ticks(0, max(high, rate, 0.01) * 1.08)
    across = _scale(0, ticks[-1], 26, WIDTH - 26)
    y = 34
    body = [_line(across(0), y, across(ticks[-1]), y, "grid")]
    body += [_line(across(t), y + 4, across(t), y + 9, "tickmark") for t in ticks]
    body += [_text(across(t), y + 24, words) for t, words in zip(ticks, _percents(ticks), strict=True)]
    body.append(_rect(across(low), y - 6, across(high) - across(low), 12, "span"))
    body.append(_dot(across(rate), y, "dot", 6))
    body.append(_text(across(rate), y - 14, percent(rate), kind="value"))
    return _frame(body, label, height)


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    width = (high - low) or 1.0
    return lambda value: start + (float(value) - low) / width * (end - start)


def _log_scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    """As `_scale`, on logarithms; values below `low` are drawn at `low`."""
    along = _scale(math.log10(low), math.log10(high), start, end)
    return lambda value: along(math.log10(max(value, low)))

"""The verdict: one headline in plain words, a level, and the few sentences that qualify it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dqkit.checks import kinds, takes
from dqkit.findings.finding import FINDINGS, Finding
from dqkit.findings.words import counted, percent, span
from dqkit.signals.label_noise.chance import CANNOT_JUDGE

SOUND_BELOW = 0.01
POOR_FROM = 0.05
LEAKING_FROM = 0.01


@takes(findings=FINDINGS, metrics=kinds.mapped("names to numbers"))
def verdict(findings: Sequence[Finding], metrics: Mapping[str, float]) -> dict[str, Any]:
    """Return the verdict on a dataset.

    Parameters
    ----------
    findings
        What `find` returned.
    metrics
        Their metrics in one table, with `failed_sections`.

    Returns
    -------
    dict
        `level` ("good", "fair", "poor" or "unknown"), `word`, `headline` and `sentences`.

    Notes
    -----
    The level follows the labels that look wrong and nobody has reviewed: below 1 % good, from 5 % poor, fair between.
    Identical samples in the test split and outside it, near copies of 1 % of the test split, unreadable samples,
    identical samples whose labels differ, columns that give the label away, or a check that failed make a good level
    fair.
    """
    told = {finding.name: finding.data for finding in findings if finding.status == "ok"}
    errors = told.get("label_errors", {})
    at_chance = _at_chance(findings)
    level = "unknown"
    if errors:
        open_rate = metrics.get("label_errors_open_rate", 0.0)
        level = "good" if open_rate < SOUND_BELOW else "fair" if open_rate < POOR_FROM else "poor"
        trouble = (
            "exact_leakage_rate",
            "group_leakage_rate",
            "unreadable_rate",
            "exact_duplicate_conflicts",
            "failed_sections",
            "leaky_columns",
        )
        leaking = metrics.get("leakage_rate", 0) >= LEAKING_FROM
        if level == "good" and (leaking or any(metrics.get(name, 0) > 0 for name in trouble)):
            level = "fair"
    word = {"good": "Looks sound", "fair": "Needs attention", "poor": "Needs work", "unknown": "Not judged yet"}[level]
    if at_chance:
        n, classes = int(metrics.get("n_samples", 0)), int(metrics.get("n_classes", 0))
        headline = f"{CANNOT_JUDGE}: {counted(n, 'sample')} in {counted(classes, 'class', 'classes')}."
        sentences = [at_chance, *_more(told, metrics)]
        return {"level": level, "word": "Cannot be judged", "headline": headline, "sentences": sentences}
    return {"level": level, "word": word, "headline": _headline(errors, metrics), "sentences": _more(told, metrics)}


def _at_chance(findings: Sequence[Finding]) -> str:
    """The sentence that says why the labels cannot be judged, "" where they can or no model is there yet."""
    notes = [f.summary for f in findings if f.name == "label_errors" and f.status == "absent"]
    return next((note for note in notes if note.startswith(CANNOT_JUDGE)), "")


def _headline(errors: Mapping[str, Any], metrics: Mapping[str, float]) -> str:
    if not errors:
        n, classes = int(metrics.get("n_samples", 0)), int(metrics.get("n_classes", 0))
        rest = "the labels are not judged yet" if metrics.get("n_labeled", 1) else "none has a label yet"
        return f"{counted(n, 'sample')} in {counted(classes, 'class', 'classes')}; {rest}."
    if errors["open"]:
        verb = "looks" if errors["open"] == 1 else "look"
        share = percent(errors["open"] / errors["n_labeled"]) if errors["n_labeled"] else ""
        return f"{counted(errors['open'], 'label')} {verb} wrong, {share} of {errors['n_labeled']:,}."
    if errors["flagged"]:
        changed = f"; {errors['confirmed']:,} {_were(errors['confirmed'])} changed" if errors["confirmed"] else ""
        return f"Every label that looks wrong has been reviewed{changed}."
    return f"No label looks wrong among {errors['n_labeled']:,}."


def _more(told: Mapping[str, Mapping[str, Any]], metrics: Mapping[str, float]) -> list[str]:
    errors, moved = told.get("label_errors", {}), told.get("changes", {})
    said = []
    leaky = list(told.get("column_power", {}).get("suspects", []))
    if leaky:
        names = ", ".join(map(repr, leaky[:6])) + (f" and {len(leaky) - 6} more" if len(leaky) > 6 else "")
        verb = "gives" if len(leaky) == 1 else "give"
        said.append(
            f"{names} {verb} the label away, which hides wrong labels; leave out what is known only after the label: "
            f"exclude={leaky[:6]!r}."
        )
    if errors.get("rate_is_estimate") and errors.get("estimated_rate") is not None:
        interval = errors.get("interval")
        around = f" (95 % interval {span(*interval)})" if interval else ""
        said.append(f"An estimated {percent(errors['estimated_rate'])} of the labels are wrong{around}.")
    if errors.get("reviewed"):
        said.append(f"People have reviewed {errors['reviewed']:,} of {counted(errors['flagged'], 'suspect')}.")
    if errors.get("confirmed") and errors.get("open"):
        n = errors["confirmed"]
        said.append(f"{counted(n, 'given label')} {_were(n)} changed so far.")
    gain = next((d for d in moved.get("deltas", []) if d["metric"] == "test_accuracy"), None)
    if gain and gain["difference"] is not None:
        before, after = percent(gain["before"]), percent(gain["after"])
        moves = f"stayed at {after}" if before == after else f"went from {before} to {after}"
        moves += ", no clear change," if gain.get("verdict") == "unclear" and before != after else ""
        said.append(f"Test accuracy {moves} in the last round.")
    leaked, near = metrics.get("exact_leakage_rate", 0.0), metrics.get("leakage_rate", 0.0)
    if leaked:
        more = f" ({percent(near)} counting near copies)" if near > leaked else ""
        said.append(f"{percent(leaked)} of the test split also occurs outside it{more}.")
    elif near:
        said.append(f"{percent(near)} of the test split has a near copy outside it.")
    if metrics.get("group_leakage_rate"):
        said.append(f"{percent(metrics['group_leakage_rate'])} of the test split is of groups that are outside it too.")
    if metrics.get("exact_duplicate_conflicts"):
        n = int(metrics["exact_duplicate_conflicts"])
        said.append(f"{counted(n, 'group')} of identical samples {'carries' if n == 1 else 'carry'} differing labels.")
    if metrics.get("unreadable_rate"):
        said.append(f"{percent(metrics['unreadable_rate'])} of the samples cannot be read.")
    return said


def _were(n: int) -> str:
    return "was" if n == 1 else "were"

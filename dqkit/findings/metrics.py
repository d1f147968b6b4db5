"""The flat figures of a report: their names, what they mean, and the rules a build can hold them to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dqkit.checks import is_number, kinds, mapping, shown
from dqkit.records import InputError

Unit = Literal["share", "count", "ratio", "nats"]
Better = Literal["higher", "lower", "neither"]
_RULES = "names of metrics to limits"


@dataclass(frozen=True)
class Metric:
    """What one figure is called, measured in, and which direction is good.

    Parameters
    ----------
    title
        Its name in the report.
    unit
        "share" (of 1), "count", "ratio" or "nats".
    better
        "higher", "lower" or "neither".
    meaning
        What it is, in one phrase.
    """

    title: str
    unit: Unit
    better: Better
    meaning: str


METRICS: dict[str, Metric] = {
    "n_samples": Metric("Samples", "count", "neither", "samples in the dataset"),
    "n_classes": Metric("Classes", "count", "neither", "classes known to the dataset"),
    "n_labeled": Metric("Labelled", "count", "higher", "samples with a label now, from any source"),
    "n_unlabeled": Metric("Unlabelled", "count", "lower", "samples without a label now"),
    "n_human": Metric("Checked by a person", "count", "higher", "samples whose label a person decided"),
    "n_weak": Metric("Weak labels", "count", "neither", "samples whose label a labelling function guessed"),
    "n_test": Metric("Held out for test", "count", "neither", "samples never trained on and never queued"),
    "labeled_rate": Metric("Labelled share", "share", "higher", "labelled samples / samples"),
    "unreadable_rate": Metric("Unreadable", "share", "lower", "samples with a fatal problem / samples"),
    "problems": Metric("Problems", "count", "lower", "recorded problems of single samples"),
    "imbalance_ratio": Metric("Imbalance", "ratio", "lower", "largest class / smallest non-empty class"),
    "min_class_count": Metric("Smallest class", "count", "higher", "labelled samples of the smallest class"),
    "effective_classes": Metric("Effective classes", "ratio", "neither", "exp(entropy of the class shares)"),
    "rare_classes": Metric("Rare classes", "count", "lower", "classes with fewer than a tenth of the mean count"),
    "small_classes": Metric("Small classes", "count", "lower", "classes with 1 to 4 labels"),
    "empty_classes": Metric("Empty classes", "count", "lower", "classes without one labelled sample"),
    "label_error_rate": Metric("Label error rate", "share", "lower", "estimated share of wrong labels"),
    "label_error_rate_low": Metric("Label error rate, low end", "share", "lower", "lower end of its 95 % interval"),
    "label_error_rate_high": Metric("Label error rate, high end", "share", "lower", "upper end of its 95 % interval"),
    "wrong_labels_left": Metric(
        "Wrong labels left", "count", "lower", "estimated among labels that nobody has checked"
    ),
    "label_errors_flagged": Metric("Labels flagged", "count", "lower", "labels that look wrong, reviewed or not"),
    "label_errors_open": Metric("Suspects open", "count", "lower", "flagged labels that nobody has reviewed"),
    "label_errors_open_rate": Metric("Suspects open, share", "share", "lower", "open suspects / labelled samples"),
    "confirmed_errors": Metric("Errors confirmed", "count", "neither", "labels that a person changed"),
    "mean_entropy": Metric("Mean uncertainty", "share", "lower", "mean entropy / ln(classes)"),
    "low_confidence_rate": Metric("Low confidence", "share", "lower", "samples whose top probability is below 0.5"),
    "underperforming_groups": Metric("Underperforming groups", "count", "lower", "groups in which errors gather"),
    "worst_group_error_rate": Metric("Worst group", "share", "lower", "highest error rate among these groups"),
    "property_flags_rate": Metric("Odd samples", "share", "lower", "samples with a flagged property / usable samples"),
    "spurious_properties": Metric("Spurious properties", "count", "lower", "properties that give the label away"),
    "leaky_columns": Metric("Leaky columns", "count", "lower", "features that tell the label alone"),
    "strongest_column_score": Metric(
        "Strongest column", "share", "neither", "its score between majority (0) and always right"
    ),
    "odd_columns": Metric("Odd columns", "count", "lower", "columns with values that look like mistakes"),
    "odd_value_rate": Metric("Odd values", "share", "lower", "samples with a value far from all others / samples"),
    "order_p_value": Metric("Order, p value", "ratio", "higher", "chance of such an order if samples were shuffled"),
    "misleading_label_rate": Metric("Misleading labels", "share", "lower", "labels worth less than none / labelled"),
    "outlier_rate": Metric("Outliers", "share", "lower", "samples that resemble no other / samples"),
    "duplicate_rate": Metric("Duplicates", "share", "lower", "alike samples beyond the first of each group / samples"),
    "exact_duplicate_rate": Metric("Identical samples", "share", "lower", "samples with the content of an earlier one"),
    "duplicate_groups": Metric("Duplicate groups", "count", "lower", "groups of identical or nearly identical samples"),
    "duplicate_conflicts": Metric("Conflicting duplicates", "count", "lower", "groups whose labels differ"),
    "exact_duplicate_conflicts": Metric("Identical, labels differ", "count", "lower", "groups with identical content"),
    "leakage_groups": Metric("Leaking groups", "count", "lower", "duplicate groups that span two splits"),
    "leakage_rate": Metric("Leakage", "share", "lower", "test samples that resemble one outside the split"),
    "exact_leakage_rate": Metric("Identical leakage", "share", "lower", "test samples identical to one outside it"),
    "group_leakage_rate": Metric("Group leakage", "share", "lower", "test samples of groups that are trained on"),
    "oos_accuracy": Metric("Out-of-sample accuracy", "share", "higher", "agreement with labels never trained on"),
    "log_loss": Metric("Log-loss", "nats", "lower", "out-of-sample log-loss against the current labels"),
    "calibration_error": Metric(
        "Calibration error", "share", "lower", "mean gap of confidence and accuracy over 15 bins"
    ),
    "test_accuracy": Metric("Test accuracy", "share", "higher", "accuracy on the untouched test split, last round"),
    "test_log_loss": Metric("Test log-loss", "nats", "lower", "log-loss on the untouched test split, last round"),
    "rounds": Metric("Rounds", "count", "neither", "finished rounds"),
    "events": Metric("Decisions", "count", "neither", "label events in the journal"),
    "queue_open": Metric("Queue open", "count", "lower", "queued samples that still wait for an answer"),
    "failed_sections": Metric("Failed sections", "count", "lower", "report sections that could not be computed"),
}


@dataclass(frozen=True)
class Outcome:
    """One rule, the value it met and whether it holds.

    Parameters
    ----------
    name
        The metric.
    value
        What the report holds.
    kind
        "max" where the value must not be above the limit, "min" where it must not be below.
    limit
        Inclusive.
    """

    name: str
    value: float
    kind: Literal["max", "min"]
    limit: float

    @property
    def holds(self) -> bool:
        return self.value <= self.limit if self.kind == "max" else self.value >= self.limit

    def line(self) -> str:
        """Return the outcome in one line, for a log.

        Returns
        -------
        str
        """
        word = "ok  " if self.holds else "FAIL"
        sign = "<=" if self.kind == "max" else ">="
        return f"{word} {self.name} = {self.value:.6g} (must be {sign} {self.limit:.6g})"


def check(health: Mapping[str, Any], *, maximum: Mapping[str, float], minimum: Mapping[str, float]) -> list[Outcome]:
    """Hold the figures of a report to limits.

    Parameters
    ----------
    health
        What `dqkit.report.health` or `dqkit.report.load` returned.
    maximum, minimum
        Name to limit, inclusive. A name is one of `health["metrics"]`; or `FINDING.METRIC`, where METRIC is a metric of
        that finding, `affected` (how many samples) or `rate` (their share); or the name of a finding alone, which is
        its rate.

    Returns
    -------
    list of Outcome
        One per rule, in order.

    Raises
    ------
    InputError
        For a name that the report does not hold; the text lists those it does.

    Examples
    --------
    >>> [o.holds for o in check({"metrics": {"duplicate_rate": 0.02}}, maximum={"duplicate_rate": 0.05}, minimum={})]
    [True]
    """
    metrics = mapping("health", health, "metrics and sections, as health returns it").get("metrics")
    maximum, minimum = mapping("maximum", maximum, _RULES), mapping("minimum", minimum, _RULES)
    for name, limit in [*maximum.items(), *minimum.items()]:
        if not isinstance(name, str):
            raise InputError(f"a rule must name a metric; got {shown(name)}.")
        if not is_number(limit) and limit not in (float("inf"), float("-inf")):
            raise InputError(f"the limit of {name!r} must be a number; got {shown(limit)}.")
    if not isinstance(metrics, Mapping):
        raise InputError("health must hold 'metrics', a table of names and numbers; this one does not.")
    rules: Sequence[tuple[Literal["max", "min"], str, float]] = [
        *(("max", name, limit) for name, limit in maximum.items()),
        *(("min", name, limit) for name, limit in minimum.items()),
    ]
    figures = {**_of_findings(health.get("findings")), **metrics}
    outcomes = []
    for kind, name, limit in rules:
        if name not in figures:
            note = _why_missing(health, name)
            if note:
                raise InputError(f"{name!r} could not be judged. {note}")
            known = "known to dqkit but not measured in this report" if name in METRICS else "no metric of dqkit"
            raise InputError(f"{name!r} is {known}; measured here: {', '.join(sorted(metrics))}.")
        value = figures[name]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f"metric {name!r} must be a number; the report holds {value!r}.")
        outcomes.append(Outcome(name=name, value=float(value), kind=kind, limit=limit))
    return outcomes


def _why_missing(health: Mapping[str, Any], name: str) -> str:
    """The note of the section on label errors, where it says why there are no figures on them."""
    sections = health.get("sections")
    section = sections.get("label_errors") if isinstance(sections, Mapping) else None
    if not name.startswith(("label_error", "confirmed_errors")) or not isinstance(section, Mapping):
        return ""
    return str(section.get("note", "")) if section.get("status") == "absent" else ""


def _of_findings(findings: object) -> dict[str, Any]:
    """What rules can say of single findings: those that were measured, by their own names."""
    figures: dict[str, Any] = {}
    try:
        for finding in (
            [] if findings is None else kinds.each(kinds.mapped("names to values"), "findings")("", findings)
        ):
            if finding.get("status") == "ok":
                name = finding["name"]
                figures[name] = figures[f"{name}.rate"] = finding["rate"]
                figures[f"{name}.affected"] = finding["affected"]
                figures |= {f"{name}.{metric}": value for metric, value in finding["metrics"].items()}
    except (InputError, LookupError, TypeError, AttributeError) as error:
        raise InputError("health must hold 'findings' as report.health writes them; this one does not.") from error
    return figures

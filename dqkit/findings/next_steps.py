"""What to do next, most pressing first, from the other findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dqkit.checks import takes
from dqkit.findings.calibration import TOO_WRONG
from dqkit.findings.finding import FINDINGS, Finding
from dqkit.findings.registry import TITLES
from dqkit.findings.underperforming_groups import name_of
from dqkit.findings.words import counted, percent


@takes(findings=FINDINGS)
def next_steps(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Return what to do next, most pressing first.

    Parameters
    ----------
    findings
        What `find` returned.

    Returns
    -------
    list of dict
        `section` (the name of a finding), `do` and `why`; at least one.
    """
    steps: list[dict[str, str]] = []

    def add(section: str, what: str, why: str) -> None:
        steps.append({"section": section, "do": what, "why": why})

    told: dict[str, Mapping[str, Any]] = {f.name: f.data for f in findings if f.status == "ok"}
    data, errors = told.get("overview", {}), told.get("label_errors", {})
    copies, sure = told.get("duplicates", {}), told.get("calibration", {})
    classes, doubt = told.get("balance", {}), told.get("uncertain", {})
    queue: Mapping[str, int] = told.get("queue", {}).get("open", {})
    unreadable = data.get("problems", {}).get("unreadable", 0)
    if unreadable:
        add(
            "overview",
            f"Repair or remove {counted(unreadable, 'unreadable sample')}.",
            "Training leaves out what it cannot read.",
        )
    leaky = list(told.get("column_power", {}).get("suspects", []))
    if leaky:
        what = f"Leave out {_names(leaky)} (exclude={leaky[:6]!r}), if it is known only after the label."
        add("column_power", what, "A column that gives the label away hides the wrong labels.")
    leakage = copies.get("leakage", {})
    leaked, near = leakage.get("test_samples_identical", 0), leakage.get("test_samples", 0)
    if leaked:
        what = f"Take {counted(leaked, 'test sample')} with an identical copy in another split out of one of the two."
        add(
            "duplicates",
            what,
            "The test score is too high where the models were trained on copies of the test samples.",
        )
    shared = copies.get("shared_groups", {}).get("test_samples", 0)
    if shared:
        what = f"Give each group one split: {counted(shared, 'test sample')} are of groups that are outside it too."
        add(
            "duplicates", what, "The test score is too high where the models were trained on the same patient or video."
        )
    if copies.get("identical_conflicts"):
        what = f"Decide {counted(copies['identical_conflicts'], 'group')} of identical samples whose labels differ."
        add(
            "duplicates", what, "Identical samples have different labels, so at least one label of each group is wrong."
        )
    for same in classes.get("alike", []):
        what = f"Make one class of {' and '.join(map(repr, same))}, if they are one."
        add(
            "balance",
            what,
            "Their names differ only in case or spaces. As two classes, each has fewer samples. "
            "More labels then look wrong.",
        )
    if errors.get("open"):
        pair = next(iter(errors.get("pairs") or []), None)
        start = f" Start with {pair['given']} that look like {pair['suggested']} ({pair['count']})." if pair else ""
        add("label_errors", f"Review {counted(errors['open'], 'open suspect')}.{start}", _yield(errors))
    if sum(queue.values()):
        parts = ", ".join(f"{n} {action.replace('_', ' ')}" for action, n in queue.items() if n)
        what = f"Answer the queue: {counted(sum(queue.values()), 'sample')} waiting ({parts})."
        add("activity", what, "It spends the effort where it helps most.")
    if near > leaked:
        what = f"Look at {counted(near - leaked, 'test sample')} with a near copy in another split."
        add("duplicates", what, "If they show the same thing, the test score is too high.")
    few = dict.fromkeys(name for kind in ("empty", "rare", "small") for name in classes.get(kind, []))
    if few:
        names = _names(list(few))
        add("balance", f"Collect more of {names}.", "Too few samples to learn from or to judge by.")
    if data.get("n_unlabeled") and doubt.get("unlabeled_only"):
        why = f"{counted(data['n_unlabeled'], 'sample')} have no label; these teach the models most."
        add("uncertain", "Label the least certain of the unlabelled samples.", why)
    groups = told.get("underperforming_groups", {}).get("groups", [])
    if groups:
        worst = groups[0]
        what = f"Look at the {counted(worst['size'], 'sample')} of {name_of(worst)}."
        rates = f"{percent(worst['error_rate'])} there and {percent(worst['rest_rate'])} elsewhere"
        add("underperforming_groups", what, f"Predictions differ from labels in {rates}.")
    shortcuts = told.get("properties", {}).get("spurious", [])
    if shortcuts:
        what = f"Check whether {_names([name.replace('_', ' ') for name in shortcuts])} may differ between the classes."
        add("properties", what, "A model can take it as a shortcut to the label, which fails on other data.")
    if sure.get("beyond_chance", 0) > TOO_WRONG:
        kind = "too sure" if sure["confidence"] > sure["accuracy"] else "too timid"
        why = f"Their stated confidence is off by {100 * sure['ece']:.1f} points on average ({kind})."
        add("calibration", "Calibrate the models before you use their probabilities.", why)
    for finding in findings:
        if finding.name not in TITLES and finding.status == "ok" and finding.severity != "info":
            what = f"Look at “{finding.title}”"
            n = len(finding.sample_ids)
            add(finding.name, f"{what}: {counted(n, 'sample')}." if n else f"{what}.", finding.summary)
    if not steps and not errors:
        add("changes", "Run a round.", "Without predictions and signals dqkit can say little about the labels.")
    if not steps:
        add("changes", "Nothing is pressing.", "Run another round when the data changes.")
    return steps


def _yield(errors: Mapping[str, Any]) -> str:
    if errors.get("confirmed") and errors.get("reviewed"):
        return f"People have changed {counted(errors['confirmed'], 'label')} so far."
    return "They are the labels most likely to be wrong."


def _names(names: Sequence[str], most: int = 6) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")

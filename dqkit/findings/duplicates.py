"""Groups of alike samples: which are identical, whose labels differ, and which span two splits."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dqkit.findings.audit import Audit
from dqkit.findings.finding import Finding
from dqkit.findings.words import counted
from dqkit.near_copies import identical_content
from dqkit.records import TEST_SPLIT
from dqkit.signals import group_leakage, leakage

SHOWN_GROUPS = 12
SHOWN_MEMBERS = 8


def duplicates(audit: Audit) -> Finding:
    """Duplicates and leakage.

    Alike: the same `duplicate_group` of the signals. Identical: the same content (`identical_content`: the same pixels,
    the same characters, the same values). Leakage: a group that lies in more than one split (`dqkit.signals.leakage`).
    """
    codes = np.nan_to_num(audit.signal("duplicate_group"), nan=-1.0).astype(np.int64)
    first = identical_content(audit.dataset, np.flatnonzero(codes >= 0))
    groups = _groups(audit, codes, first)
    n, n_test = len(codes), int(audit.is_test.sum())
    total = {key: sum(getattr(g, key) for g in groups) for key in ("identical", "conflict", "identical_conflict")}
    redundant = sum(len(g.at) - 1 for g in groups)
    across = leakage(codes, audit.dataset.split)
    leaked = sorted(i for g in groups for i in g.leaked)
    n_identical = sum(len(g.leaked_identical) for g in groups)
    shared = _shared_groups(audit)
    return Finding(
        name="duplicates",
        title="Duplicates and leakage",
        summary=_summary(len(groups), redundant, total["identical_conflict"], len(leaked), n_test, shared),
        severity="error"
        if n_identical or total["identical_conflict"] or shared.get("test_samples")
        else "warning"
        if groups or shared.get("groups")
        else "info",
        metrics={
            "duplicate_rate": redundant / n if n else 0.0,
            "exact_duplicate_rate": total["identical"] / n if n else 0.0,
            "duplicate_groups": len(groups),
            "duplicate_conflicts": total["conflict"],
            "exact_duplicate_conflicts": total["identical_conflict"],
            "leakage_groups": len(across),
            "leakage_rate": len(leaked) / n_test if n_test else 0.0,
            "exact_leakage_rate": n_identical / n_test if n_test else 0.0,
            **({"group_leakage_rate": shared["test_samples"] / n_test if n_test else 0.0} if shared else {}),
        },
        table=_table(audit, groups, first),
        sample_ids=audit.ids_at([i for g in groups for i in g.at]),
        data={
            "groups_total": len(groups),
            "redundant": redundant,
            "identical": total["identical"],
            "conflicts": total["conflict"],
            "identical_conflicts": total["identical_conflict"],
            "groups": [_shown(audit, g) for g in groups[:SHOWN_GROUPS]],
            "leakage": {
                "groups": len(across),
                "test_samples": len(leaked),
                "test_samples_identical": n_identical,
                "n_test": n_test,
                "sample_ids": list(audit.ids_at(leaked[:100])),
            },
            "shared_groups": shared,
        },
    )


def _shared_groups(audit: Audit) -> dict[str, Any]:
    """Groups of samples (patients, videos) that lie in more than one split; empty where no groups are known.

    A round that was given groups of its own has measured them; else they are those of the dataset.
    """
    told = audit.summary.get("group_leakage", {})
    if "test_rows" in told:
        return {"groups": told["groups"], "test_samples": told["test_rows"], "examples": list(told["examples"])}
    if audit.dataset.groups is None:
        return {}
    found = group_leakage(audit.dataset.groups, audit.dataset.split)
    examples = found["group"].head(SHOWN_MEMBERS).tolist()
    return {"groups": len(found), "test_samples": int(found["test_rows"].sum()), "examples": examples}


@dataclass(frozen=True)
class _Group:
    """One group: `at` are its positions, `identical` counts the samples beyond the first of each content in it."""

    at: list[int]
    identical: int
    conflict: bool
    identical_conflict: bool
    splits: list[str]
    leaked: list[int]
    leaked_identical: list[int]

    @property
    def rank(self) -> tuple[Any, ...]:
        """The groups that need a decision first."""
        return not self.identical_conflict, not self.identical, not self.conflict, -len(self.at), self.at


def _groups(audit: Audit, codes: NDArray[np.int64], first: NDArray[np.int64]) -> list[_Group]:
    members: dict[int, list[int]] = defaultdict(list)
    for position in np.flatnonzero(codes >= 0):
        members[int(codes[position])].append(int(position))
    found = [_group(audit, at, first) for at in members.values() if len(at) > 1]
    return sorted(found, key=lambda group: group.rank)


def _group(audit: Audit, at: list[int], first: NDArray[np.int64]) -> _Group:
    contents: dict[int, list[int]] = defaultdict(list)
    for position in at:
        contents[int(first[position])].append(position)
    same = [positions for positions in contents.values() if len(positions) > 1]
    return _Group(
        at=at,
        identical=sum(len(positions) - 1 for positions in same),
        conflict=_labels_differ(audit, at),
        identical_conflict=any(_labels_differ(audit, positions) for positions in same),
        splits=sorted({str(audit.dataset.split[i]) for i in at}),
        leaked=_leaked(at, audit.is_test),
        leaked_identical=[i for positions in same for i in _leaked(positions, audit.is_test)],
    )


def _labels_differ(audit: Audit, positions: Sequence[int]) -> bool:
    return len({audit.label_names[i] for i in positions} - {None}) > 1


def _leaked(positions: Sequence[int], is_test: NDArray[np.bool_]) -> list[int]:
    """The test samples among alike ones of which at least one is outside the test split."""
    return [i for i in positions if is_test[i]] if any(not is_test[i] for i in positions) else []


def _table(audit: Audit, groups: Sequence[_Group], first: NDArray[np.int64]) -> pd.DataFrame:
    rows = [
        (number, audit.id_at(i), audit.label_names[i], str(audit.dataset.split[i]), audit.id_at(first[i]))
        for number, group in enumerate(groups)
        for i in group.at
    ]
    return pd.DataFrame(rows, columns=["group", "sample_id", "label", "split", "same_content_as"])


def _shown(audit: Audit, group: _Group) -> dict[str, Any]:
    # Within a large group, what makes it worth a look comes first: the rarer labels and the test split.
    common = Counter(audit.label_names[i] for i in group.at)
    order = sorted(group.at, key=lambda i: (common[audit.label_names[i]], not audit.is_test[i], i))
    samples = [
        {"sample_id": audit.id_at(i), "label": audit.label_names[i], "split": str(audit.dataset.split[i])}
        for i in order[:SHOWN_MEMBERS]
    ]
    return {
        "size": len(group.at),
        "all_identical": group.identical == len(group.at) - 1,
        "conflict": group.conflict,
        "splits": group.splits,
        "leaks": TEST_SPLIT in group.splits and len(group.splits) > 1,
        "samples": samples,
    }


def _summary(groups: int, redundant: int, conflicts: int, leaked: int, n_test: int, shared: Mapping[str, Any]) -> str:
    said = [f"{counted(groups, 'group')} of alike samples, {counted(redundant, 'sample')} beyond the first of each."]
    if not groups:
        said = ["No two samples are identical or nearly so."]
    if conflicts:
        said.append(f"In {conflicts:,} of them identical samples carry different labels.")
    if leaked:
        said.append(f"{leaked:,} of {counted(n_test, 'test sample')} occur outside the test split.")
    if shared.get("groups"):
        held = f"; {shared['test_samples']:,} of {counted(n_test, 'test sample')} are of such groups" * bool(n_test)
        said.append(f"{counted(shared['groups'], 'group')} that belong together lie in more than one split{held}.")
    return " ".join(said)

"""The section about duplicates and leakage: groups of alike samples, told apart from those that are truly identical."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from dqkit.records import TEST_SPLIT
from dqkit.report.inputs import Inputs

SHOWN_GROUPS = 12
SHOWN_MEMBERS = 8


def duplicates(inputs: Inputs) -> dict[str, Any]:
    """Groups of alike samples: which are identical, whose labels differ, and which span two splits.

    The groups come from the signals, which compare features; what is called identical here is so in its content: the
    same pixels, the same row, or the same text up to case and spaces.
    """
    codes = np.nan_to_num(inputs.signal("duplicate_group"), nan=-1.0).astype(np.int64)
    groups: dict[int, list[int]] = defaultdict(list)
    for position in np.flatnonzero(codes >= 0):
        groups[int(codes[position])].append(int(position))
    described = [_describe(inputs, group) for group in groups.values() if len(group) > 1]
    described.sort(
        key=lambda g: (not g["identical_conflict"], not g["identical"], not g["conflict"], -g["size"], g["at"])
    )
    n_test = int(inputs.is_test.sum())
    total = {key: sum(g[key] for g in described) for key in ("identical", "conflict", "identical_conflict")}
    leaked = [i for g in described for i in g["leaked"]]
    leaked_identical = [i for g in described for i in g["leaked_identical"]]
    across = sum(len(g["splits"]) > 1 for g in described)
    redundant = sum(g["size"] - 1 for g in described)
    return {
        "groups_total": len(described),
        "redundant": redundant,
        "identical": total["identical"],
        "conflicts": total["conflict"],
        "identical_conflicts": total["identical_conflict"],
        "groups": [_shown(inputs, g) for g in described[:SHOWN_GROUPS]],
        "leakage": {
            "groups": across,
            "test_samples": len(leaked),
            "test_samples_identical": len(leaked_identical),
            "n_test": n_test,
            "sample_ids": [inputs.id_at(i) for i in sorted(leaked)[:100]],
        },
        "metrics": {
            "duplicate_rate": redundant / len(codes),
            "exact_duplicate_rate": total["identical"] / len(codes),
            "duplicate_groups": len(described),
            "duplicate_conflicts": total["conflict"],
            "exact_duplicate_conflicts": total["identical_conflict"],
            "leakage_groups": across,
            "leakage_rate": len(leaked) / n_test if n_test else 0.0,
            "exact_leakage_rate": len(leaked_identical) / n_test if n_test else 0.0,
        },
    }


def _describe(inputs: Inputs, group: list[int]) -> dict[str, Any]:
    """One group: `identical` counts the samples beyond the first of each content in it."""
    splits, is_test = inputs.dataset.split, inputs.is_test
    contents: dict[Hashable, list[int]] = defaultdict(list)
    for position in group:
        contents[_content(inputs, position)].append(position)
    same = [positions for positions in contents.values() if len(positions) > 1]
    return {
        "at": group,
        "size": len(group),
        "identical": sum(len(positions) - 1 for positions in same),
        "conflict": _labels_differ(inputs, group),
        "identical_conflict": any(_labels_differ(inputs, positions) for positions in same),
        "splits": sorted({str(splits[i]) for i in group}),
        "leaked": _leaked(group, is_test),
        "leaked_identical": [i for positions in same for i in _leaked(positions, is_test)],
    }


def _labels_differ(inputs: Inputs, positions: Sequence[int]) -> bool:
    return len({inputs.label_names[i] for i in positions} - {None}) > 1


def _leaked(positions: Sequence[int], is_test: Any) -> list[int]:
    """The test samples among alike ones of which at least one is outside the test split."""
    return [i for i in positions if is_test[i]] if any(not is_test[i] for i in positions) else []


def _content(inputs: Inputs, position: int) -> Hashable:
    """A value that is equal for samples whose content is."""
    ds = inputs.dataset
    if ds.modality == "image":
        return np.ascontiguousarray(ds.content[position]).tobytes()
    if ds.modality == "text":
        return " ".join(str(ds.content[position]).lower().split())
    return tuple(str(value) for value in ds.content.iloc[position])


def _shown(inputs: Inputs, group: dict[str, Any]) -> dict[str, Any]:
    ds = inputs.dataset
    # Within a large group, what makes it worth a look comes first: the rarer labels and the test split.
    common = Counter(inputs.label_names[i] for i in group["at"])
    order = sorted(group["at"], key=lambda i: (common[inputs.label_names[i]], not inputs.is_test[i], i))
    samples = [
        {"sample_id": inputs.id_at(i), "label": inputs.label_names[i], "split": str(ds.split[i])}
        for i in order[:SHOWN_MEMBERS]
    ]
    return {
        "size": group["size"],
        "all_identical": group["identical"] == group["size"] - 1,
        "conflict": group["conflict"],
        "splits": group["splits"],
        "leaks": TEST_SPLIT in group["splits"] and len(group["splits"]) > 1,
        "samples": samples,
    }

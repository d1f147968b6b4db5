"""Classes added after the dataset came in: the list only grows, so a position never changes its meaning."""

from __future__ import annotations

import unicodedata

from dqkit.datasets.labels import class_key
from dqkit.records import InputError
from dqkit.store import added_classes
from dqkit.workbench.decisions import check_annotator, check_texts
from dqkit.workbench.project import now
from dqkit.workbench.state import State

LONGEST_NAME = 200


def add_class(state: State, name: str, *, annotator: str) -> str:
    """See `Workbench.add_class`."""
    check_annotator(annotator)
    check_texts({"name": name})
    tidy = " ".join(name.split())
    unseen = [c for c in tidy if unicodedata.category(c) in ("Cc", "Cs", "Co", "Cn")]
    if not tidy or unseen or len(tidy) > LONGEST_NAME:
        raise InputError(f"a class name must be 1 to {LONGEST_NAME} characters of text; got {name!r}.")
    state.refresh()
    known = {class_key(c): c for c in state.dataset.classes}
    key = class_key(tidy)
    if key not in known:
        added_classes.add(state.store, tidy, key=key, annotator=annotator, at=now())
        state.refresh()
        known = {class_key(c): c for c in state.dataset.classes}
    return known[key]

"""Classes added after the dataset came in: the list only grows, so a position never changes its meaning."""

from __future__ import annotations

from dqkit.checks import class_name
from dqkit.datasets.labels import class_key
from dqkit.store import added_classes
from dqkit.workbench.decisions import check_annotator, check_texts
from dqkit.workbench.project import now
from dqkit.workbench.state import State


def add_class(state: State, name: str, *, annotator: str) -> str:
    """See `Workbench.add_class`."""
    check_annotator(annotator)
    check_texts({"name": name})
    tidy = class_name(name)
    state.refresh()
    known = {class_key(c): c for c in state.dataset.classes}
    key = class_key(tidy)
    if key not in known:
        added_classes.add(state.store, tidy, key=key, annotator=annotator, at=now())
        state.refresh()
        known = {class_key(c): c for c in state.dataset.classes}
    return known[key]

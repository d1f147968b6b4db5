"""Classes that somebody adds in the App: known there at once, and to the workbench with the next pull."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Any

from dqkit.checks import class_name
from dqkit.fiftyone_bridge.views import offer_annotation
from dqkit.records import InputError

TRIES = 20


def with_added(classes: Sequence[str], added: Sequence[dict[str, str]]) -> tuple[list[str], list[dict[str, str]]]:
    """The classes of a push with those behind them that were added in the App and never pulled, and these alone."""
    known = {_key(name) for name in classes}
    waiting = [one for one in added if _key(one["name"]) not in known]
    return [*classes, *(one["name"] for one in waiting)], waiting


def add_class(target: Any, name: str, annotator: str) -> str:
    """Append a class to the pushed dataset; returns the name it stands under, an older one where they look alike.

    Two people who add at once get both classes, or one where they mean the same. Raises `InputError` for an empty or
    overlong name.
    """
    tidy = class_name(name)
    from fiftyone.core.odm import get_db_conn

    datasets, key = get_db_conn().datasets, target._doc.id
    for _ in range(TRIES):
        found = datasets.find_one({"_id": key}, {"info.dqkit.classes": 1}) or {}
        classes = list(found["info"]["dqkit"]["classes"])
        stands = {_key(known): known for known in classes}.get(_key(tidy))
        if stands is not None:
            return str(stands)
        more = {"info.dqkit.classes": tidy, "info.dqkit.added": {"name": tidy, "annotator": annotator}}
        # The filter makes it a compare-and-set: a class that somebody added meanwhile keeps its place.
        same = {"_id": key, "info.dqkit.classes": classes}
        if datasets.update_one(same, {"$push": {**more, "default_classes": tidy}}).modified_count:
            target.reload()
            offer_annotation(target, target.info["dqkit"]["classes"])
            return tidy
    raise InputError(f"the class {name!r} could not be added: others are adding classes. Try again.")


def _key(name: str) -> str:
    """What look-alikes share: a name without the differences of case, of spaces and of Unicode form."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())

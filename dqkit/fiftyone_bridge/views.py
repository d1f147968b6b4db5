"""Saved views: the queue, from which a sample drops out as soon as it is answered."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

DECISION_TAGS = ("skip", "flag", "confirm")
PULLED_TAGS = {"skip": "skipped", "flag": "flagged", "confirm": "confirmed"}
QUEUE_VIEW = "queue"
DUPLICATES_VIEW = "duplicates"
BOOKKEEPING = frozenset(
    (
        *("id", "filepath", "created_at", "last_modified_at", "pushed_label", "pushed_serial", "pushed_hash"),
        *("panel", "queue_done", "queue_evidence"),
    )
)


def is_edited(fo: ModuleType) -> Any:
    """An expression, true where the label is another one than was pushed or pulled last."""
    label = fo.ViewExpression({"$ifNull": ["$label.label", ""]})
    pushed = fo.ViewExpression({"$ifNull": ["$pushed_label", ""]})
    return label != pushed


def is_tagged(fo: ModuleType) -> Any:
    """An expression, true where a tag says a decision that was not pulled yet."""
    return fo.ViewField("tags").contains(list(DECISION_TAGS))


def has_words(fo: ModuleType) -> Any:
    """An expression, true where the panel holds a note or an undo that was not pulled yet."""
    words = [{"$ifNull": [f"$panel.{name}", []]} for name in ("notes", "undos")]
    return fo.ViewExpression({"$size": {"$concatArrays": words}}) > 0


def save_views(fo: ModuleType, target: Any, *, round_number: int | None, queued: Sequence[str]) -> None:
    """Save (again) the view "queue", "duplicates" where there are any, and the round's view if it is not there yet.

    queue: queued, in queue order, not answered here and not answered elsewhere. round N: what was queued when round N
    was pushed first, in its order, answered samples dropping out alike. duplicates: one group per set of duplicates.
    """
    field = fo.ViewField
    is_open = (field("queue_done") != True) & ~is_edited(fo) & ~is_tagged(fo)  # noqa: E712 an expression, not a test
    queue = target.match((field("queue_rank") != None) & is_open).sort_by("queue_rank")  # noqa: E711
    _save(target, QUEUE_VIEW, queue, "The samples to look at next, best first (dqkit)")
    if round_number is not None and queued and f"round {round_number}" not in target.list_saved_views():
        keys = dict(zip(*target.values(["dqkit_id", "id"]), strict=True))
        view = target.select([keys[sample_id] for sample_id in queued], ordered=True).match(is_open)
        _save(target, f"round {round_number}", view, f"Queued in round {round_number}, not answered (dqkit)")
    if isinstance(target.get_field("duplicate_group"), fo.IntField):
        pairs = target.match(field("duplicate_group") >= 0)
        if len(pairs):
            _save(target, DUPLICATES_VIEW, pairs.group_by("duplicate_group"), "Samples that show the same (dqkit)")
        elif DUPLICATES_VIEW in target.list_saved_views():
            target.delete_saved_view(DUPLICATES_VIEW)


def _save(target: Any, name: str, view: Any, description: str) -> None:
    target.save_view(name, view, description=description, overwrite=True)


def offer_annotation(target: Any, classes: Sequence[str]) -> None:
    """Let the App's own annotation change the field "label", to these classes and no others, and nothing else.

    A dropdown, never radio buttons: with one of them focused the arrow keys change the label. FiftyOne before 1.12 has
    no annotation schemas and is left as it is.
    """
    if not hasattr(target, "update_label_schema"):
        return
    schema = {"type": "classification", "component": "dropdown", "classes": list(classes), "attributes": []}
    if target.label_schemas.get("label") != schema:
        target.update_label_schema("label", schema)
    if "label" not in target.active_label_schemas:
        target.activate_label_schemas("label")


def arrange_sidebar(fo: ModuleType, target: Any) -> None:
    """Sidebar groups in the order of the work, dqkit's own bookkeeping folded away; tiles show label and suggestion."""
    groups = {group.name: group for group in fo.DatasetAppConfig.default_sidebar_groups(target)}
    primitives = groups.pop("primitives", None)
    plain = [] if primitives is None else list(primitives.paths)
    queue = [name for name in plain if name.startswith("queue_") and name not in BOOKKEEPING]
    kept = [name for name in plain if name in BOOKKEEPING]
    wanted = [
        groups.pop("labels", None),
        fo.SidebarGroupDocument(name="queue", paths=queue, expanded=True),
        fo.SidebarGroupDocument(name="signals", paths=[n for n in plain if n not in {*queue, *kept}], expanded=True),
        groups.pop("tags", None),
        *groups.values(),
        fo.SidebarGroupDocument(name="bookkeeping", paths=kept, expanded=False),
    ]
    target.app_config.sidebar_groups = [group for group in wanted if group is not None]
    target.app_config.active_fields = fo.ActiveFields(paths=["label", "queue_suggestion"])
    target.save()

"""Pull: what a human changed in FiftyOne since the push, as plain rows, and the word that they are safely recorded."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import pandas as pd

from dqkit.fiftyone_bridge.connection import connect
from dqkit.fiftyone_bridge.samples import bulk_write, owned
from dqkit.fiftyone_bridge.views import DECISION_TAGS, PULLED_TAGS, has_words, is_edited, is_tagged
from dqkit.relabel import Answer

Kind = Literal["label", "skip", "flag", "note", "undo"]
_NAMESPACE = uuid.UUID("6f1b62c9-3f0f-5c39-9a5e-3c1e5c1f9d7a")


@dataclass(frozen=True, kw_only=True)
class Edit(Answer):
    """One decision made in FiftyOne about one sample.

    Attributes
    ----------
    event_id, sample_id, kind, label, why, undoes
        As in `dqkit.relabel.Answer`. The event id is the same for the same decision however often it is pulled, so
        recording it twice gives one event.
    annotator : str
        Who decided.
    previous : str or None
        The label that FiftyOne was last given.
    at : str
        UTC, ISO 8601: of the answer in the panel, else of the sample's last change.
    tag : str or None
        The tag that said it, if one did.
    problem : str
        Empty for an edit to record; otherwise a sentence that says why a person must choose first (the label also
        changed in the notebook, is not a class, or was removed).
    """

    kind: Kind
    annotator: str
    previous: str | None
    at: str
    tag: str | None = None
    problem: str = ""


def pull(
    name: str,
    *,
    labels: pd.DataFrame | None = None,
    annotator: str | None = None,
    owner: str = "",
    uri: str | None = None,
) -> list[Edit]:
    """Return the decisions made in FiftyOne since the push, oldest first.

    Parameters
    ----------
    name : str
        The dataset, as it was pushed.
    labels : DataFrame, optional
        The current labels, indexed by sample id with a column `label`. An edit of a label that changed there too since
        the push comes with a `problem`.
    annotator : str, optional
        Written on every edit that was not made in the panel, because the open-source App knows no users. By default the
        one that `open_app` was given, else "fiftyone".
    owner, uri
        As in `push`.

    Returns
    -------
    list of Edit
        Labels edited in the App or by code (field `label`), and the sample tags "skip", "flag" and "confirm" (the label
        is right as it is). Nothing is changed in FiftyOne until `acknowledge`.

    Raises
    ------
    InputError
        Where there is no such dataset of ours.
    MissingExtra
        Where FiftyOne is not there.

    Examples
    --------
    >>> edits = pull("digits", labels=wb.labels(), annotator="ana")  # doctest: +SKIP
    """
    fo = connect(uri)
    target = owned(fo, name, owner)
    target.reload()
    view = target.exists("pushed_serial").match(is_edited(fo) | is_tagged(fo) | has_words(fo))
    fields = ["dqkit_id", "id", "label.label", "pushed_label", "pushed_serial", "tags", "last_modified_at", "panel"]
    rows = sorted(zip(*view.values(fields), strict=True), key=lambda row: (row[6], row[0]))
    about = target.info["dqkit"]
    classes, author = about.get("classes", []), annotator or about.get("annotator") or "fiftyone"
    now = _decided(labels)
    edits: list[Edit] = []
    for sample_id, key, label, pushed, serial, tags, modified, panel in rows:
        previous = pushed or None
        edits += _words(sample_id, previous, panel or {})
        answer = (panel or {}).get("answer") or {}
        for kind, tag in _decisions(label != previous, tags or ()):
            said = label if kind == "label" else None
            # What the panel wrote keeps its author, unless it was edited by other means since.
            own = answer if (answer.get("kind"), answer.get("label")) == (kind, said) else {}
            edits.append(
                Edit(
                    event_id=own.get("event") or str(uuid.uuid5(_NAMESPACE, f"{key} {serial} {kind} {said or ''}")),
                    sample_id=sample_id,
                    kind=kind,
                    label=said,
                    annotator=own.get("annotator") or author,
                    previous=previous,
                    at=_utc(own.get("at") or modified),
                    tag=tag,
                    problem=_problem(label, previous, now.get(sample_id, previous), classes) if kind == "label" else "",
                )
            )
    return edits


def added_classes(name: str, *, owner: str = "", uri: str | None = None) -> list[tuple[str, str]]:
    """Return the classes that were added in the App since the last push, oldest first.

    Parameters
    ----------
    name : str
        The dataset, as it was pushed.
    owner, uri
        As in `push`.

    Returns
    -------
    list of (str, str)
        Class name and annotator.

    Raises
    ------
    InputError, MissingExtra
        As in `pull`.
    """
    target = owned(connect(uri), name, owner)
    return [(added["name"], added["annotator"]) for added in target.info["dqkit"].get("added", [])]


def acknowledge(name: str, edits: Iterable[Edit], *, owner: str = "", uri: str | None = None) -> None:
    """Mark edits as recorded, so that they are not pulled again and their samples leave the view "queue".

    Parameters
    ----------
    name : str
        The dataset, as it was pushed.
    edits : iterable of Edit
        From `pull`.
    owner, uri
        As in `push`.

    Notes
    -----
    Call it after the journal is durable. If the process is killed in between, the next `pull` returns the same edits
    under the same event ids. An edit made in FiftyOne after the pull stays to be pulled. The tags are renamed to
    "skipped", "flagged" and "confirmed".
    """
    from pymongo import UpdateOne

    target = owned(connect(uri), name, owner)
    done = list(edits)
    serial = int(target.info["dqkit"].get("serial", 0)) + 1
    target.info["dqkit"]["serial"] = serial
    target.save()
    keys = _keys(target, [edit.sample_id for edit in done])
    operations: list[Any] = []
    for edit in done:
        key = keys[edit.sample_id]
        if edit.kind == "note":
            operations.append(UpdateOne({"_id": key}, {"$pull": {"panel.notes": {"event": edit.event_id}}}))
            continue
        if edit.kind == "undo":
            operations.append(UpdateOne({"_id": key}, {"$pull": {"panel.undos": {"event": edit.event_id}}}))
            continue
        changes: dict[str, Any] = {"queue_done": True}
        if edit.kind == "label":
            changes |= {"pushed_label": edit.label or "", "pushed_serial": serial}
        # Not if it was undone in the panel since the pull: the undo is pulled next and follows the answer.
        here = [{"panel.answer.event": edit.event_id}, {"panel.seen": {"$ne": edit.event_id}}]
        holds: dict[str, Any] = {"_id": key, "$or": here}
        operations.append(UpdateOne(holds, {"$set": changes}))
        if edit.tag is not None:
            operations.append(UpdateOne(holds | {"tags": edit.tag}, {"$addToSet": {"tags": PULLED_TAGS[edit.tag]}}))
            operations.append(UpdateOne(holds, {"$pull": {"tags": edit.tag}}))
    bulk_write(target, operations, list(keys.values()))
    target.reload()


def discard(name: str, edits: Iterable[Edit], *, owner: str = "", uri: str | None = None) -> None:
    """Take edits back in FiftyOne: the label that was pushed returns, the tag goes, nothing is recorded.

    Parameters
    ----------
    name, owner, uri
        As in `acknowledge`.
    edits : iterable of Edit
        From `pull`, such as those with a `problem` that the person decides against.
    """
    from pymongo import UpdateOne

    fo = connect(uri)
    target = owned(fo, name, owner)
    unwanted = list(edits)
    keys = _keys(target, [edit.sample_id for edit in unwanted])
    operations: list[Any] = []
    for edit in unwanted:
        key = keys[edit.sample_id]
        if edit.tag is not None:
            operations.append(UpdateOne({"_id": key}, {"$pull": {"tags": edit.tag}}))
        operations.append(
            UpdateOne({"_id": key, "panel.answer.event": edit.event_id}, {"$set": {"panel.answer": None}})
        )
        if edit.kind == "label" and edit.label != edit.previous:
            label = None if edit.previous is None else fo.Classification(label=edit.previous).to_dict()
            operations.append(UpdateOne({"_id": key, "label.label": edit.label}, {"$set": {"label": label}}))
    bulk_write(target, operations, list(keys.values()))
    target.reload()


def _decisions(edited: bool, tags: Sequence[str]) -> Iterator[tuple[Literal["label", "skip", "flag"], str | None]]:
    if edited or "confirm" in tags:
        yield "label", "confirm" if "confirm" in tags else None
    for tag in DECISION_TAGS[:2]:
        if tag in tags:
            yield ("skip", tag) if tag == "skip" else ("flag", tag)


def _words(sample_id: str, previous: str | None, panel: Mapping[str, Any]) -> Iterator[Edit]:
    """What was said in the panel that leaves no trace in label or tags: undos and notes."""
    said = [("undo", undo) for undo in panel.get("undos") or ()]
    said += [("note", note) for note in panel.get("notes") or ()]
    for kind, word in said:
        yield Edit(
            event_id=word["event"],
            sample_id=sample_id,
            kind=kind,  # type: ignore[arg-type]  # one of the two above
            annotator=word["annotator"],
            previous=previous,
            at=_utc(word["at"]),
            why=word.get("why", ""),
            undoes=word.get("undoes"),
        )


def _utc(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).isoformat(
        timespec="milliseconds"
    )  # MongoDB keeps UTC and gives it without a zone


def _decided(labels: pd.DataFrame | None) -> dict[str, str | None]:
    """sample id -> label as the notebook has it, without weak labels: they give way to an edit and are no conflict."""
    if labels is None:
        return {}
    by_people = labels if "source" not in labels else labels[labels["source"] != "weak"]
    return {str(key): None if pd.isna(label) else str(label) for key, label in by_people["label"].items()}


def _problem(label: str | None, previous: str | None, current: str | None, classes: Sequence[str]) -> str:
    if label is None:
        return (
            f"The label {previous!r} was removed in FiftyOne; dqkit records labels, not their removal. Flag it instead."
        )
    if label not in classes:
        return f"{label!r} is not a class of this dataset ({', '.join(classes)})."
    if current not in (previous, label):
        return f"FiftyOne says {label!r}, the notebook changed it from {previous!r} to {current!r} since the push."
    return ""


def _keys(target: Any, sample_ids: Sequence[str]) -> dict[str, Any]:
    """dqkit id -> database id of the given samples."""
    from bson import ObjectId

    wanted = set(sample_ids)
    pairs = zip(*target.values(["dqkit_id", "id"]), strict=True)
    return {sample_id: ObjectId(key) for sample_id, key in pairs if sample_id in wanted}

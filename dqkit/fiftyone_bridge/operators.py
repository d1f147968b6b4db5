"""What dqkit's queue panel and buttons in the FiftyOne App do; FiftyOne's server imports it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import fiftyone.operators as operators
from fiftyone.operators import types

from dqkit.checks import bounded_text, instance, one_of, plain_list
from dqkit.errors import InputError
from dqkit.fiftyone_bridge.conversation import converse
from dqkit.fiftyone_bridge.panel_queue import PanelQueue, write_answer
from dqkit.relabel import Answer
from dqkit.relabel.messages import LONGEST_NAME, name_of

MOST_SELECTED = 100_000
MOST_MESSAGES = 500


def set_labels(target: Any, labels: Mapping[str, str], annotator: str = "fiftyone") -> int:
    """Give samples of ours (FiftyOne id -> class name) these labels; one that has the label already is confirmed.

    How many were given: one that is answered in between, in another tab, keeps that answer.
    """
    rows = target._sample_collection.find(_ours(list(labels)), {"dqkit_id": 1, "label.label": 1, "panel.answer": 1})
    given = 0
    for row in list(rows):
        answered = ((row.get("panel") or {}).get("answer") or {}).get("event")
        seen = {"_id": row["_id"], "panel.answer.event": answered, "label.label": (row.get("label") or {}).get("label")}
        answer = Answer(uuid.uuid4().hex, row["dqkit_id"], "label", labels[str(row["_id"])])
        given += write_answer(target._sample_collection, seen, answer, annotator)
    return given


def confirm(target: Any, keys: Sequence[str], annotator: str = "fiftyone") -> int:
    """Say of samples of ours (FiftyOne ids) that are labelled that the label is right as it is; how many."""
    rows = target._sample_collection.find(_ours(keys), {"label.label": 1})
    labels = {str(row["_id"]): (row.get("label") or {}).get("label") for row in rows}
    return set_labels(target, {key: label for key, label in labels.items() if label}, annotator)


def accept_suggestions(target: Any, keys: Sequence[str], annotator: str = "fiftyone") -> int:
    """Give samples of ours (FiftyOne ids) the label their queue row suggests, where it suggests one."""
    rows = target._sample_collection.find(_ours(keys), {"queue_suggestion": 1})
    labels = {str(row["_id"]): row.get("queue_suggestion") for row in rows}
    return set_labels(target, {key: label for key, label in labels.items() if label}, annotator)


def _ours(keys: Sequence[str]) -> dict[str, Any]:
    from bson import ObjectId
    from bson.errors import InvalidId

    try:
        found = [ObjectId(key) for key in keys]
    except (InvalidId, TypeError) as error:
        raise InputError("the selected samples must be ids of this dataset. Select them again.") from error
    return {"_id": {"$in": found}, "dqkit_id": {"$ne": None}}


def _about(target: Any) -> dict[str, Any] | None:
    about = None if target is None else (target.info or {}).get("dqkit")
    return about if isinstance(about, dict) else None


def _pushed(ctx: Any) -> Any:
    """The dataset of a request, which dqkit made; `InputError` where it did not, or where there is none."""
    try:
        target = ctx.dataset
    except ValueError as error:  # FiftyOne's own, with a traceback, where no dataset has that name
        raise InputError("there is no such dataset. Push one with wb.to_fiftyone().") from error
    if _about(target) is None:
        raise InputError("dqkit did not make this dataset. Push one with wb.to_fiftyone().")
    return target


class _OnSelected(operators.Operator):  # type: ignore[misc]
    """A button above the grid that acts on the selected samples, then clears the selection and shows what is left."""

    name = ""
    text = ""
    icon = ""
    asks = False

    @property
    def config(self) -> Any:
        return operators.OperatorConfig(name=self.name, label=f"dqkit: {self.text}", icon=self.icon, dynamic=self.asks)

    def resolve_placement(self, ctx: Any) -> Any:
        button = types.Button(label=f"dqkit: {self.text}", icon=self.icon, prompt=True)
        return types.Placement(types.Places.SAMPLES_GRID_ACTIONS, button) if _about(ctx.dataset) is not None else None

    def resolve_input(self, ctx: Any) -> Any:
        inputs = types.Object()
        about = _about(ctx.dataset)
        if not ctx.selected or about is None:
            inputs.view("none", types.Warning(label="Select samples first"))
            return types.Property(inputs, view=types.View(label=self.text))
        if self.asks:
            choices = types.RadioGroup()
            for label in about.get("classes", []):
                choices.add_choice(label, label=label)
            # No radio buttons: with one focused, the arrow keys change the label.
            inputs.enum("label", choices.values(), required=True, label="Label", view=types.AutocompleteView())
        inputs.str("annotator", required=True, label="Your name", default=about.get("annotator") or "fiftyone")
        inputs.view("count", types.Notice(label=f"{len(ctx.selected)} selected samples"))
        return types.Property(inputs, view=types.View(label=self.text))

    def execute(self, ctx: Any) -> dict[str, Any]:
        try:
            found = plain_list("the selection", ctx.selected, most=MOST_SELECTED)
            selected = [bounded_text("an id of the selection", key, most=LONGEST_NAME) for key in found]
            changed = self.act(_pushed(ctx), selected, ctx.params, name_of(ctx.params.get("annotator") or "fiftyone"))
        except InputError as error:
            ctx.ops.notify(str(error), variant="error")
            return {"error": str(error), "samples": 0}
        ctx.ops.clear_selected_samples()
        ctx.ops.reload_dataset()  # the grid keeps showing the old state until told
        ctx.ops.notify(f"{changed} of {len(selected)} samples answered", variant="success")
        return {"samples": changed}

    def act(self, target: Any, selected: Sequence[str], params: Mapping[str, Any], annotator: str) -> int:
        raise TypeError(f"{type(self).__name__} says nothing about what it does")


class LabelSelected(_OnSelected):
    """Give the selected samples one label."""

    name, text, icon, asks = "label_selected", "Label the selected samples", "label", True

    def act(self, target: Any, selected: Sequence[str], params: Mapping[str, Any], annotator: str) -> int:
        label = one_of("the label", params.get("label"), target.info["dqkit"].get("classes", []))
        return set_labels(target, dict.fromkeys(selected, label), annotator)


class AcceptSuggestions(_OnSelected):
    """Give each selected sample the label its queue row suggests."""

    name, text, icon = "accept_suggestions", "Accept the suggestions", "done_all"

    def act(self, target: Any, selected: Sequence[str], params: Mapping[str, Any], annotator: str) -> int:
        return accept_suggestions(target, selected, annotator)


class ConfirmLabels(_OnSelected):
    """Say that the selected samples' labels are right as they are."""

    name, text, icon = "confirm_labels", "Confirm the labels", "check"

    def act(self, target: Any, selected: Sequence[str], params: Mapping[str, Any], annotator: str) -> int:
        return confirm(target, selected, annotator)


class QueueMessages(operators.Operator):  # type: ignore[misc]
    """What the queue panel says, many messages at once, and what it is answered."""

    name = "queue_messages"

    @property
    def config(self) -> Any:
        return operators.OperatorConfig(name=self.name, label="dqkit: messages of the queue panel", unlisted=True)

    def execute(self, ctx: Any) -> dict[str, Any]:
        try:
            return self._answered(_pushed(ctx), ctx.params)
        except InputError as error:
            return {"error": str(error), "replies": []}

    def _answered(self, target: Any, params: Mapping[str, Any]) -> dict[str, Any]:
        source = PanelQueue(target, bounded_text("the tab", params.get("tab", ""), least=0, most=LONGEST_NAME))
        annotator = params.get("annotator") or ""
        messages = plain_list("the messages", params.get("messages"), most=MOST_MESSAGES)
        for message in messages:
            instance("a message", message, Mapping, "an object")
        replies = converse(source, name_of(annotator) if annotator else "", messages)
        # As if another page had said so: the panel then does not show what was answered by a button or another tab.
        elsewhere = [{"type": "saved", "client": "elsewhere", "sample_id": key} for key in source.gone()]
        replies += [{"message": message, "buffers": []} for message in elsewhere]
        return {"annotator": target.info["dqkit"].get("annotator", ""), "replies": replies}


def register(plugin: Any) -> None:
    """Called by FiftyOne for the plugin that `open_app` installs."""
    for operator in (LabelSelected, AcceptSuggestions, ConfirmLabels, QueueMessages):
        plugin.register(operator)

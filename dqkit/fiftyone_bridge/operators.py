"""What dqkit's buttons in the FiftyOne App do with the selected samples; FiftyOne's server imports it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import fiftyone as fo
import fiftyone.operators as operators
from fiftyone.operators import types

from dqkit.fiftyone_bridge.fields import classification
from dqkit.fiftyone_bridge.samples import bulk_write


def set_labels(target: Any, labels: Mapping[str, str]) -> int:
    """Give samples of ours (FiftyOne id -> class name) these labels; one that has the label already is confirmed."""
    from bson import ObjectId
    from pymongo import UpdateOne

    template = dict(fo.Classification(label="").to_dict())
    now = dict(zip(*target.select(list(labels)).exists("dqkit_id").values(["id", "label.label"]), strict=True))
    different = [key for key in now if now[key] != labels[key]]
    bulk_write(
        target,
        [
            # Only if it still is what the annotator saw: another tab may have answered in between.
            UpdateOne(
                {"_id": ObjectId(key), "label.label": now[key]},
                {
                    "$set": {"label": classification(template, labels[key], source="fiftyone", annotator=None)},
                    "$currentDate": {"last_modified_at": True},
                },
            )
            for key in different
        ],
        different,
    )
    confirm(target, [key for key in now if now[key] == labels[key]])
    return len(now)


def confirm(target: Any, keys: Sequence[str]) -> int:
    """Tag samples of ours (FiftyOne ids) that are labelled as "confirm": the label is right as it is."""
    view = target.select(list(keys)).exists("dqkit_id").exists("label")
    view.tag_samples("confirm")
    return len(view)


def accept_suggestions(target: Any, keys: Sequence[str]) -> int:
    """Give samples of ours (FiftyOne ids) the label their queue row suggests, where it suggests one."""
    rows = zip(*target.select(list(keys)).exists("queue_suggestion").values(["id", "queue_suggestion"]), strict=True)
    return set_labels(target, dict(rows))


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
        ours = isinstance((ctx.dataset.info or {}).get("dqkit"), dict) if ctx.dataset is not None else False
        button = types.Button(label=f"dqkit: {self.text}", icon=self.icon, prompt=True)
        return types.Placement(types.Places.SAMPLES_GRID_ACTIONS, button) if ours else None

    def resolve_input(self, ctx: Any) -> Any:
        inputs = types.Object()
        if not ctx.selected:
            inputs.view("none", types.Warning(label="Select samples first"))
            return types.Property(inputs, view=types.View(label=self.text))
        if self.asks:
            choices = types.RadioGroup()
            for label in ctx.dataset.info["dqkit"].get("classes", []):
                choices.add_choice(label, label=label)
            inputs.enum("label", choices.values(), required=True, label="Label", view=choices)
        inputs.view("count", types.Notice(label=f"{len(ctx.selected)} selected samples"))
        return types.Property(inputs, view=types.View(label=self.text))

    def execute(self, ctx: Any) -> dict[str, int]:
        changed = self.act(ctx) if ctx.selected else 0
        ctx.ops.clear_selected_samples()
        ctx.ops.reload_dataset()  # the grid keeps showing the old state until told
        return {"samples": changed}

    def act(self, ctx: Any) -> int:
        raise TypeError(f"{type(self).__name__} says nothing about what it does")


class LabelSelected(_OnSelected):
    """Give the selected samples one label."""

    name, text, icon, asks = "label_selected", "Label the selected samples", "label", True

    def act(self, ctx: Any) -> int:
        return set_labels(ctx.dataset, dict.fromkeys(ctx.selected, ctx.params["label"]))


class AcceptSuggestions(_OnSelected):
    """Give each selected sample the label its queue row suggests."""

    name, text, icon = "accept_suggestions", "Accept the suggestions", "done_all"

    def act(self, ctx: Any) -> int:
        return accept_suggestions(ctx.dataset, ctx.selected)


class ConfirmLabels(_OnSelected):
    """Say that the selected samples' labels are right as they are."""

    name, text, icon = "confirm_labels", "Confirm the labels", "check"

    def act(self, ctx: Any) -> int:
        return confirm(ctx.dataset, ctx.selected)


def register(plugin: Any) -> None:
    """Called by FiftyOne for the plugin that `open_app` installs."""
    for operator in (LabelSelected, AcceptSuggestions, ConfirmLabels):
        plugin.register(operator)

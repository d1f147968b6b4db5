"""Rules for arguments that are records; see `dqkit.checks.kinds`."""

from __future__ import annotations

from dqkit.checks.kinds import a, each
from dqkit.records.dataset import Dataset
from dqkit.records.label_event import LabelEvent
from dqkit.records.predictions import Predictions

dataset = a(Dataset, "a dqkit Dataset, such as dqkit.from_arrays, from_folder or from_table return")
predictions = a(Predictions, "Predictions, such as dqkit.Predictions.from_arrays returns")
event = a(LabelEvent, "a LabelEvent")
events = each(event, "LabelEvents")

"""A round as a value: a `Snapshot` of the data and its labels, `RoundSettings`, and `run`, which gives a `RoundResult`.

Nothing here knows the store: the same `run` serves a workbench and `dqkit audit`.
"""

from dqkit.rounds.result import RoundResult, load, save
from dqkit.rounds.settings import RoundSettings
from dqkit.rounds.snapshot import Snapshot
from dqkit.rounds.stages import rerank, run
from dqkit.rounds.training import Training

__all__ = ["RoundResult", "RoundSettings", "Snapshot", "Training", "load", "rerank", "run", "save"]

"""A workbench on disk, its rounds, and everything joined to everything."""

from dqkit.workbench.bench import Workbench
from dqkit.workbench.rebuilding import rebuild
from dqkit.workbench.results import Round

__all__ = ["Round", "Workbench", "rebuild"]

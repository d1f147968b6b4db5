"""What should a human look at next: query strategies, one budget over three actions, random audit sample, stopping."""

from dqkit.acquisition.advice import Advice, advice
from dqkit.acquisition.control import ControlEstimates, Share, control_estimates
from dqkit.acquisition.queue.budget import build_queue
from dqkit.acquisition.queue.options import QueueOptions
from dqkit.acquisition.stopping import Criterion, stopping
from dqkit.acquisition.strategies.pool import FallbackWarning
from dqkit.acquisition.strategies.selection import STRATEGIES, select
from dqkit.acquisition.strategies.wrappers import select_balanced, select_within_cost

__all__ = [
    "STRATEGIES",
    "Advice",
    "ControlEstimates",
    "Criterion",
    "FallbackWarning",
    "QueueOptions",
    "Share",
    "advice",
    "build_queue",
    "control_estimates",
    "select",
    "select_balanced",
    "select_within_cost",
    "stopping",
]

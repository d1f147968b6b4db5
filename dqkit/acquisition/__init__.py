"""What should a human look at next: query strategies, one budget over three actions, control slice, stopping."""

from dqkit.acquisition.budget import build_queue
from dqkit.acquisition.pool import FallbackWarning
from dqkit.acquisition.strategies import STRATEGIES, select

__all__ = ["STRATEGIES", "FallbackWarning", "build_queue", "select"]

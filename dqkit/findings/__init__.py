"""What the checks found: `find` runs them over an `Audit`, each gives a `Finding`; reports, rules and queues read them.

`register_check` adds a check of your own.
"""

from __future__ import annotations

from dqkit.findings.audit import Audit, Journal
from dqkit.findings.finding import Finding, NotMeasured
from dqkit.findings.metrics import METRICS, Metric, Outcome, check
from dqkit.findings.next_steps import next_steps
from dqkit.findings.registry import CHECKS, find, register_check, unregister_check
from dqkit.findings.saved import load, save
from dqkit.findings.scored import with_scores
from dqkit.findings.verdict import verdict

__all__ = [
    "CHECKS",
    "METRICS",
    "Audit",
    "Finding",
    "Journal",
    "Metric",
    "NotMeasured",
    "Outcome",
    "check",
    "find",
    "load",
    "next_steps",
    "register_check",
    "save",
    "unregister_check",
    "verdict",
    "with_scores",
]

"""The dataset health report: `health` gathers the findings, `render` draws the page, `write` puts both on disk."""

from dqkit.findings import METRICS, Metric, Outcome, check
from dqkit.report.assemble import FINDINGS_SCHEMA, SCHEMA, SECTIONS, health, record
from dqkit.report.page import load, render, write

__all__ = [
    "FINDINGS_SCHEMA",
    "METRICS",
    "SCHEMA",
    "SECTIONS",
    "Metric",
    "Outcome",
    "check",
    "health",
    "load",
    "record",
    "render",
    "write",
]

"""The dataset health report: `health` gathers the figures, `render` draws the page, `write` puts both on disk."""

from dqkit.report.assemble import SCHEMA, SECTIONS, health
from dqkit.report.metrics import METRICS, Metric, Outcome, check
from dqkit.report.page import load, render, write

__all__ = ["METRICS", "SCHEMA", "SECTIONS", "Metric", "Outcome", "check", "health", "load", "render", "write"]

"""The tables of a label journal. Every row belongs to one workbench, so that several may share a database."""

from __future__ import annotations

import sqlalchemy as sa

VERSION = 4

metadata = sa.MetaData()

about = sa.Table("about", metadata, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text))

# The id is the workbench's own, from its project.json. In the other tables its number stands for it.
workbenches = sa.Table(
    "workbenches",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sqlite_autoincrement=True,
)


def _workbench(*, key: bool) -> sa.Column[int]:
    return sa.Column("workbench", sa.Integer, primary_key=key, nullable=False, autoincrement=False)


# Rows are only ever added. `seq` is the order of the decisions; `event_id` makes a resent decision one decision.
events = sa.Table(
    "events",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    _workbench(key=False),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("sample_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("label", sa.Text),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("annotator", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("round", sa.Integer, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("undoes", sa.Text),
    sa.UniqueConstraint("workbench", "event_id", name="events_once"),
    sa.UniqueConstraint("workbench", "undoes", name="events_undone_once"),
    sa.Index("events_of_sample", "workbench", "sample_id"),
    sa.Index("events_of_annotator", "workbench", "annotator"),
    sqlite_autoincrement=True,
)

queue = sa.Table(
    "queue",
    metadata,
    _workbench(key=True),
    sa.Column("round", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sample_id", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("action", sa.Text, nullable=False),
    sa.Column("control", sa.Boolean, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("wanted", sa.Integer, nullable=False, server_default="1"),
)
# Only what is still open is searched, so the next samples cost the same at the start and the end of a queue.
sa.Index(
    "queue_open",
    queue.c.workbench,
    queue.c.round,
    queue.c.position,
    sqlite_where=queue.c.state == "open",
    postgresql_where=queue.c.state == "open",
)

# One person at one sample of one queue: held for a while, or answered (see assignments.py).
assignments = sa.Table(
    "assignments",
    metadata,
    _workbench(key=True),
    sa.Column("round", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("sample_id", sa.Text, primary_key=True),
    sa.Column("annotator", sa.Text, primary_key=True),
    sa.Column("answered", sa.Boolean, nullable=False),
    sa.Column("held_until", sa.Double),
)

# Class names added after the dataset came in, in the order of their positions. `key` makes look-alikes one class.
added_classes = sa.Table(
    "added_classes",
    metadata,
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=True),
    _workbench(key=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("annotator", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.UniqueConstraint("workbench", "key", name="added_classes_once"),
)

# Answers to gold questions, whose answer is known. They say how good a person is and never become a label.
gold_answers = sa.Table(
    "gold_answers",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
    _workbench(key=False),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("sample_id", sa.Text, nullable=False),
    sa.Column("annotator", sa.Text, nullable=False),
    sa.Column("expected", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("answer", sa.Text),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("withdrawn", sa.Boolean, nullable=False),
    sa.UniqueConstraint("workbench", "event_id", name="gold_answers_once"),
    sa.Index("gold_answers_of_annotator", "workbench", "annotator"),
    sqlite_autoincrement=True,
)

rounds = sa.Table(
    "rounds",
    metadata,
    _workbench(key=True),
    sa.Column("round", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("budget", sa.Integer, nullable=False),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("started", sa.Text, nullable=False),
    sa.Column("finished", sa.Text),
    sa.Column("settings", sa.Text, nullable=False),
    sa.Column("metrics", sa.Text, nullable=False),
)

# What a round wrote, in pieces, so that those who did not run it can read it. `version` changes with every keeping.
round_files = sa.Table(
    "round_files",
    metadata,
    _workbench(key=True),
    sa.Column("round", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("piece", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

# What a workbench shares beside its labels, such as the gold questions: a name and JSON.
settings = sa.Table(
    "settings",
    metadata,
    _workbench(key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

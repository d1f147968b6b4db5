"""The tables of a label journal. Every row belongs to one workbench, so that several may share a database."""

from __future__ import annotations

import sqlalchemy as sa

VERSION = 4

metadata = sa.MetaData()


def _number(name: str, *, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, primary_key=key, nullable=False, autoincrement=False)


def _counted(name: str) -> sa.Column[int]:
    """A key that the database counts up."""
    return sa.Column(name, sa.Integer, primary_key=True, autoincrement=True)


def _texts(*names: str, key: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, primary_key=key, nullable=False) for name in names]


def _maybe(name: str) -> sa.Column[str]:
    """A text that may be missing."""
    return sa.Column(name, sa.Text)


def _round() -> list[sa.Column[int]]:
    """The key of what belongs to a round."""
    return [_number("workbench", key=True), _number("round", key=True)]


def _journal(name: str, *columns: sa.schema.SchemaItem) -> sa.Table:
    """Rows that are only ever added. `seq` is their order; `event_id` makes a row that is sent again one row."""
    return sa.Table(
        name,
        metadata,
        _counted("seq"),
        _number("workbench"),
        *_texts("event_id", "sample_id"),
        *columns,
        sa.UniqueConstraint("workbench", "event_id", name=f"{name}_once"),
        sa.Index(f"{name}_of_annotator", "workbench", "annotator"),
        sqlite_autoincrement=True,
    )


about = sa.Table("about", metadata, sa.Column("key", sa.Text, primary_key=True), sa.Column("value", sa.Text))

# The id is the workbench's own, from its project.json. In the other tables its number stands for it.
workbenches = sa.Table(
    "workbenches",
    metadata,
    _counted("number"),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sqlite_autoincrement=True,
)

# The decisions on labels. One decision is withdrawn at most once.
events = _journal(
    "events",
    *_texts("kind"),
    _maybe("label"),
    *_texts("source", "annotator", "at"),
    _number("round"),
    *_texts("why"),
    _maybe("undoes"),
    sa.UniqueConstraint("workbench", "undoes", name="events_undone_once"),
    sa.Index("events_of_sample", "workbench", "sample_id"),
)

queue = sa.Table(
    "queue",
    metadata,
    *_round(),
    *_texts("sample_id", key=True),
    _number("position"),
    *_texts("action"),
    sa.Column("control", sa.Boolean, nullable=False),
    *_texts("state"),
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
    *_round(),
    *_texts("sample_id", "annotator", key=True),
    sa.Column("answered", sa.Boolean, nullable=False),
    sa.Column("held_until", sa.Double),
)

# Class names added after the dataset came in, in the order of their positions. `key` makes look-alikes one class.
added_classes = sa.Table(
    "added_classes",
    metadata,
    _counted("position"),
    _number("workbench"),
    *_texts("key", "name", "annotator", "at"),
    sa.UniqueConstraint("workbench", "key", name="added_classes_once"),
)

# Answers to gold questions, whose answer is known. They say how good a person is and never become a label.
gold_answers = _journal(
    "gold_answers",
    *_texts("annotator", "expected", "kind"),
    _maybe("answer"),
    *_texts("at"),
    sa.Column("withdrawn", sa.Boolean, nullable=False),
)

rounds = sa.Table(
    "rounds",
    metadata,
    *_round(),
    *_texts("status"),
    _number("budget"),
    sa.Column("seed", sa.BigInteger, nullable=False),
    *_texts("started"),
    _maybe("finished"),
    *_texts("settings", "metrics"),
)

# What a round wrote, in pieces, so that those who did not run it can read it. `version` changes with every keeping.
round_files = sa.Table(
    "round_files",
    metadata,
    *_round(),
    *_texts("name", key=True),
    _number("piece", key=True),
    *_texts("version"),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

# What a workbench shares beside its labels, such as the gold questions: a name and JSON.
settings = sa.Table(
    "settings",
    metadata,
    _number("workbench", key=True),
    *_texts("name", key=True),
    *_texts("value"),
)

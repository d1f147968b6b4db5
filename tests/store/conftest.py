"""Stores of both kinds: a SQLite file, and a PostgreSQL that is started for the tests."""

from __future__ import annotations

import uuid

import pytest
import sqlalchemy as sa

from dqkit.store import Store


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/labels.sqlite"
    return new_database(request.getfixturevalue("postgres"))


@pytest.fixture
def store(url):
    with Store(url) as opened:
        yield opened


def new_database(postgres):
    name = f"d{uuid.uuid4().hex}"
    engine = sa.create_engine(postgres.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return sa.make_url(postgres.url).set(database=name).render_as_string(hide_password=False)

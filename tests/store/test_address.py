"""Where a journal is, and that its password is not written down."""

from __future__ import annotations

import sys
import types

import pytest
import sqlalchemy as sa

from dqkit.records import StoreError
from dqkit.store import Store
from dqkit.store.address import file_of, has_password, parse, shown, sqlite_file, with_password


@pytest.mark.parametrize(
    "name",
    ["was?", "a#b", "100%", "50%20", "x;y", "gr\u00fc\u00df e", "a&b=c", "'quoted'", "file:x", "a?mode=memory", "%3F"],
)
def test_a_path_with_any_sign_is_that_path_and_comes_back(tmp_path, name):
    file = tmp_path / name / "labels.sqlite"
    file.parent.mkdir()
    assert file_of(sqlite_file(file)) == file
    assert file_of(parse(shown(sqlite_file(file)), stored=True)) == file
    # What a person puts together by hand means the path as it stands.
    assert file_of(parse(f"sqlite:///{file}")) == file
    with Store(sqlite_file(file)):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == [name]
    assert file.is_file()


def test_an_escaped_path_is_read_as_its_escapes_where_that_folder_is_there(tmp_path):
    (tmp_path / "was?").mkdir()
    assert file_of(parse(f"sqlite:///{tmp_path}/was%3F/x.sqlite")) == tmp_path / "was?" / "x.sqlite"


def test_a_relative_path_is_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert file_of(parse("sqlite:///x.sqlite")) == tmp_path / "x.sqlite"
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    assert file_of(parse("sqlite:///~/x.sqlite")) == tmp_path / "home" / "x.sqlite"
    assert file_of(parse("sqlite:////~/x.sqlite")) == tmp_path / "home" / "x.sqlite"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite:///file::memory:?uri=true"])
def test_a_database_in_memory_is_refused(url):
    with pytest.raises(StoreError, match="in memory"):
        parse(url)


@pytest.mark.parametrize("url", ["garbage", "", None, 5, "mysql://h/d", "sqlite://host/x", "postgresql://h1:1,h2:2/d"])
def test_what_is_no_address_is_refused_by_name(url):
    with pytest.raises(StoreError, match="store_url"):
        parse(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ana:geheim@db.example:5433/labels?sslmode=require",
        "postgresql://db.example/labels?user=ana&password=geheim",
        "postgres://ana:geheim@db.example/labels",
        "postgresql+psycopg2://ana:geheim@db.example/labels?sslpassword=geheim",
    ],
)
def test_a_password_is_not_in_what_is_stored_and_shown(url):
    address = parse(url)
    assert has_password(address)
    assert "geheim" not in shown(address)
    assert "***" not in shown(address)
    again = parse(shown(address), stored=True)
    assert not has_password(again)
    assert shown(again) == shown(address)
    assert with_password(address) == address


@pytest.mark.parametrize(
    "url", ["postgresql://ana:p@ss@db/labels", "postgresql://ana:geheim@db:port/labels", "x:geheim@y"]
)
def test_an_address_that_cannot_be_read_is_refused_without_its_password(url):
    with pytest.raises(StoreError) as refused:
        parse(url)
    assert "geheim" not in str(refused.value)
    assert "p@ss" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_a_password_comes_from_the_environment_before_the_keyring(monkeypatch):
    kept = types.SimpleNamespace(get_password=lambda service, name: f"of {service} {name}")
    monkeypatch.setitem(sys.modules, "keyring", kept)
    monkeypatch.delenv("DQKIT_STORE_PASSWORD", raising=False)
    address = parse("postgresql://ana@db.example/labels")
    assert with_password(address).password == "of dqkit postgresql://ana@db.example/labels"
    monkeypatch.setenv("DQKIT_STORE_PASSWORD", "ge@heim")
    assert with_password(address).password == "ge@heim"


def test_without_a_password_the_client_library_looks_for_one(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.delenv("DQKIT_STORE_PASSWORD", raising=False)
    address = parse(sa.make_url("postgresql://ana@db.example/labels"))
    assert with_password(address).password is None


def test_a_sqlite_address_with_a_host_is_refused_without_its_password():
    with pytest.raises(StoreError, match="names a host") as raised:
        parse("sqlite://ana:s3cr3t@host/labels.sqlite")
    assert "s3cr3t" not in str(raised.value)

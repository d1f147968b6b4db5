"""FiftyOne's Python side and the person's browser come in; a ticket is shown to nobody else on the machine."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import pytest

from dqkit.fiftyone_bridge import admission
from dqkit.fiftyone_bridge.ports import can_bind, is_ours_alone
from dqkit.guard import HEADER, Tickets


def test_only_a_server_of_ours_is_told_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "_keys", {})
    key = admission.key_of(5151)
    assert admission.key_of(5151) == key  # an open page goes on with it
    assert admission.key_of(5152) != key
    asked: list[dict[str, object]] = []
    requests = SimpleNamespace(
        get=lambda url, **options: asked.append(options), post=lambda url, **options: asked.append(options), codes=7
    )
    keyed = admission._KeyedRequests(requests)
    keyed.get("http://127.0.0.1:5151/fiftyone")
    keyed.post("http://127.0.0.1:5151/event", headers={"a": "b"}, data="c")
    for foreign in ("http://127.0.0.1:5153/x", "http://example.org:5151/x", "http://example.org/x"):
        keyed.get(foreign)
    assert asked == [{"headers": {HEADER: key}}, {"headers": {"a": "b", HEADER: key}, "data": "c"}, {}, {}, {}]
    assert keyed.codes == 7


def test_a_browser_is_told_no_ticket_but_a_file_that_only_its_user_reads(tmp_path: Path) -> None:
    told: list[str] = []
    plain = SimpleNamespace(open=lambda url, new, autoraise: told.append(url))
    browser = admission._PrivateBrowser(SimpleNamespace(get=lambda using: plain, open=plain.open), tmp_path / "new")
    secret = 'http://127.0.0.1:5151/#dqkit=<ticket>&"'
    browser.open(secret, new=2)
    browser.get("firefox").open(secret)
    browser.open("http://127.0.0.1:5152/")
    first, second, other = told
    assert other == "http://127.0.0.1:5152/"
    assert "ticket" not in first + second
    file = Path(url2pathname(unquote(urlsplit(first).path)))
    assert "http://127.0.0.1:5151/#dqkit=&lt;ticket&gt;&amp;&quot;" in file.read_text()
    if os.name == "posix":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_a_frame_takes_the_name_by_which_the_notebook_was_opened() -> None:
    shown = admission.frame('http://127.0.0.1:5151/?a=</script>"#dqkit=t', 600)
    assert 'height="600"' in shown
    assert shown.count("</script>") == 1  # the address cannot end it
    assert 'url.hostname = "localhost"' in shown


def test_what_is_left_of_the_app_below_an_older_cell_asks_nobody_for_anything() -> None:
    shown = admission.picture("data:image/png;base64,AA", 800)
    assert 'src="data:image/png;base64,AA"' in shown
    assert "800px" in shown
    assert "http" not in admission.picture("http://evil.test/?a", 800)
    assert "<script>" not in admission.picture('data:image/png,"><script>', 800)


@pytest.mark.slow
def test_an_address_of_a_session_opens_once_and_holds_no_key(fo: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    from fiftyone.core import context

    admission.admit(fo)
    admission.admit(fo)
    monkeypatch.setattr(admission, "_keys", {})
    key = admission.key_of(5151)
    url = context.get_url("127.0.0.1", 5151, notebook=True)
    assert url.startswith("http://127.0.0.1:5151/?notebook=True#dqkit=")
    assert key not in url
    assert Tickets(key).redeem(url.partition("#dqkit=")[2])
    assert url != context.get_url("127.0.0.1", 5151, notebook=True)
    assert context.get_url("127.0.0.1", 5152) == "http://127.0.0.1:5152/"  # not ours


@pytest.mark.skipif(sys.platform == "win32", reason="the probe is a POSIX one")
def test_a_port_that_somebody_has_under_the_other_address_is_not_ours_alone() -> None:
    import socket

    if not can_bind("::1", 0):
        pytest.skip("this machine has no ::1")
    with socket.socket(socket.AF_INET6) as theirs:
        theirs.bind(("::1", 0))
        theirs.listen()
        port = theirs.getsockname()[1]
        assert not is_ours_alone(port)
    assert is_ours_alone(port)

"""Output on a console or in a file whose encoding lacks characters."""

from __future__ import annotations

import io
import subprocess
import sys

import pytest

from dqkit.console import never_fail


def written(monkeypatch, encoding, text):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    never_fail()
    print(text, end="")
    return raw.getvalue()


@pytest.mark.parametrize(
    ("encoding", "text", "expected"),
    [
        ("cp1252", "1\u202f204 \u2013 \u201cok\u201d", "1 204 \u2013 \u201cok\u201d".encode("cp1252")),
        ("ascii", "1\u202f204 \u2013 \u201cok\u201d \u2026", b'1 204 - "ok" ...'),
        ("ascii", "caf\u00e9 \u6f22 \U0001f600", b"caf\\xe9 \\u6f22 \\U0001f600"),
        ("utf-8", "photos/\udce9.png \u2013", "photos/\\udce9.png \u2013".encode()),
        ("cp1252", "soft\u00adhyphen", "soft\u00adhyphen".encode("cp1252")),
        ("ascii", "soft\u00adhyphen", b"softhyphen"),
    ],
)
def test_what_an_encoding_lacks_is_written_plainly(monkeypatch, encoding, text, expected):
    assert written(monkeypatch, encoding, text) == expected


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_a_stream_that_is_no_text_file_is_left_alone(monkeypatch, stream):
    monkeypatch.setattr(sys, "stdout", stream)
    never_fail()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437"])
def test_an_error_about_a_strange_name_is_one_line_and_no_traceback(encoding):
    code = "from dqkit.cli import main; raise SystemExit(main(['audit', '\u6f22\u202f\u2013.csv', '--out', 'x']))"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONIOENCODING": encoding, "PATH": ""}, capture_output=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"dqkit: SOURCE must be")
    assert b"\\u6f22" in done.stderr

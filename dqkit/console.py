"""Output on consoles and in files that cannot hold every character (cp1252 on Windows, plain ASCII)."""

from __future__ import annotations

import codecs
import sys

# What typographic signs become where the encoding has none of them.
PLAIN = {
    "\u00a0": " ",
    "\u2009": " ",
    "\u200a": " ",
    "\u202f": " ",
    "\u00ad": "",
    "\u200b": "",
    "\u2010": "-",
    "\u2011": "-",
    "\u2012": "-",
    "\u2013": "-",
    "\u2014": "-",
    "\u2212": "-",
    "\u2018": "'",
    "\u2019": "'",
    "\u201c": '"',
    "\u201d": '"',
    "\u2026": "...",
    "\u00b7": "-",
    "\u2022": "*",
    "\u00d7": "x",
    "\u2190": "<-",
    "\u2192": "->",
    "\u2248": "~",
    "\u2264": "<=",
    "\u2265": ">=",
    "\u00b1": "+/-",
    "\u2713": "ok",
    "\u2717": "x",
}
ERRORS = "dqkit.plain"


def never_fail() -> None:
    """Let standard output and error write a plain form of what their encoding cannot hold.

    Notes
    -----
    A sign of `PLAIN` becomes its ASCII form, everything else an escape such as ``\\u6f22``. The encoding itself stays
    as the user set it. A stream that is closed, missing (``pythonw``) or no text file (Jupyter's) is left alone.
    """
    codecs.register_error(ERRORS, _plain)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and not stream.closed:
            reconfigure(errors=ERRORS)


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_ascii(character) for character in error.object[error.start : error.end]), error.end


def _ascii(character: str) -> str:
    return PLAIN.get(character, character.encode("ascii", "backslashreplace").decode("ascii"))

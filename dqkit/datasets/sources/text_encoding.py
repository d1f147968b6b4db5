"""The bytes of a text file as UTF-8, whatever encoding they are in."""

from __future__ import annotations

import codecs
import re

from dqkit.datasets.conversion import call_foreign
from dqkit.records import InputError

# UTF-32 first: its little-endian mark starts with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BLOCK = 1 << 22
_SAMPLE = 200_000
# The bytes that have no character in cp1252.
_NOT_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
# The bytes that have a character in cp1252 and none in ISO 8859.
_CP1252_ALONE = re.compile(rb"[\x80-\x9f]")
_EURO = re.compile(rb"(?<![A-Za-z\x80-\xff])\xa4(?![A-Za-z\x80-\xff])")
_TYPOGRAPHY = frozenset("’‘“”„‚–—…€°²³§©®™«»‹›·•¡¿£¥¢±×÷µ´`¨ªº¼½¾¹†‡‰¦¬¯¶¸\u00a0\u00ad")


def to_utf8(raw: bytes, encoding: str | None, *, name: str) -> tuple[bytes, str]:
    """The text as UTF-8 bytes without a byte order mark, and the name of its encoding.

    encoding: the encoding, or None to find it: a byte order mark, UTF-16 by its zero bytes, UTF-8 where the bytes
        are that, cp1252 where what it gives looks like words of a Latin script, else what charset-normalizer says.
    Raises `InputError` for bytes that are no text or not in the encoding that was named.
    """
    if encoding is not None:
        try:
            codecs.lookup(encoding)
        except (LookupError, TypeError, ValueError) as error:
            raise InputError(
                f"encoding must be one that Python knows, such as 'utf-8', 'cp1252' or 'utf-16'; got {encoding!r}."
            ) from error
        found = codecs.lookup(encoding).name
        return _decoded(raw, "utf-8-sig" if found == "utf-8" else found, name), found
    for mark, marked in _MARKS:
        if raw.startswith(mark):
            if marked == "utf-8-sig":
                body = raw[len(mark) :]
                _decoded(body, "utf-8", name)
                return body, "UTF-8 with a byte order mark"
            return _decoded(raw, marked, name), marked.upper()
    head = raw[:_SAMPLE]
    if raw.isascii() and b"\0" not in head:
        return raw, "UTF-8"
    if b"\0" in head:
        even, odd = head[::2].count(0), head[1::2].count(0)
        if max(even, odd) > 0.3 * len(head) / 2 and min(even, odd) < 0.05 * len(head) / 2:
            wide = "utf-16-be" if even > odd else "utf-16-le"
            return _decoded(raw, wide, name), wide.upper()
        raise InputError(f"source must be a table; {name!r} holds zero bytes, so it is no text file.")
    if _is_utf8(raw):
        return raw, "UTF-8"
    return _eight_bits(raw, name)


def _eight_bits(raw: bytes, name: str) -> tuple[bytes, str]:
    """Text that is not UTF-8."""
    lines = [line for line in raw.split(b"\n") if not line.isascii()]
    sample = b"\n".join(lines)[:_SAMPLE]
    escaped = sample.decode("utf-8", "surrogateescape")
    broken = sum(1 for c in escaped if "\udc80" <= c <= "\udcff")
    whole = sum(1 for c in escaped if c > "\x7f") - broken
    if whole > 4 * broken:
        at = next(i for i, line in enumerate(raw.split(b"\n"), start=1) if not _is_utf8(line))
        raise InputError(
            f"source {name!r} is UTF-8 but for {broken:,} bytes, the first of them on line {at}. Mend that line, or "
            "say what the file is in with encoding='cp1252'."
        )
    western = "cp1252" if not _NOT_CP1252.search(raw) else "latin-1"
    if len(_EURO.findall(raw)) == raw.count(b"\xa4") > 0 and not _CP1252_ALONE.search(raw):
        western = "iso8859-15"  # there the euro; in cp1252 a sign that nobody writes
    if _looks_latin(sample.decode(western)):
        return _decoded(raw, western, name), western
    guess = _guess(sample)
    if guess is None:
        raise InputError(
            f"source {name!r} is not UTF-8, and what it is in cannot be told. Say it with encoding=, such as 'cp1252' "
            "(western Europe), 'cp1250' (central Europe), 'cp1251' (Cyrillic), 'gb18030' (Chinese) or 'shift_jis'."
        )
    return _decoded(raw, guess, name), f"{guess} by its look (encoding= says otherwise)"


def _guess(sample: bytes) -> str | None:
    """Japanese by its kana, else what charset-normalizer, where it is installed, takes the bytes for."""
    for japanese in ("cp932", "euc_jp"):
        try:
            beyond = [c for c in sample.decode(japanese) if c > "\x7f"]
        except UnicodeDecodeError:
            continue
        if sum("\u3040" <= c <= "\u30ff" for c in beyond) > 0.2 * len(beyond):
            return japanese
    try:
        from charset_normalizer import from_bytes
    except ImportError:
        return None
    best = call_foreign("source", lambda: from_bytes(sample).best(), rule="a text")
    return None if best is None else str(best.encoding)


def _looks_latin(text: str) -> bool:
    """Whether the letters beyond ASCII stand in words as they do in western languages."""
    words = re.findall(r"[^\W\d_]*[^\x00-\x7f]+[^\s,;|\"]*", text)
    if not words:
        return False
    # No western word is made of such letters alone, but for those of one letter.
    foreign = sum(len(word) > 1 and not re.search("[A-Za-z]", word) and word.isalpha() for word in words)
    odd = sum(_is_odd(word) for word in words)
    return odd <= 0.1 * len(words) and foreign <= 0.3 * len(words)


def _is_odd(word: str) -> bool:
    """A sign in the middle of a word, or a capital after a small letter: what another code page looks like."""
    for before, c, after in zip(" " + word, word, word[1:] + " ", strict=False):
        if c <= "\x7f":
            continue
        inside = before.isalpha() and after.isalpha()
        if c in _TYPOGRAPHY and c not in "’‘´`·–—\u00ad" and inside:
            return True
        if c not in _TYPOGRAPHY and not c.isalpha():
            return True
        if c.isupper() and before.islower():
            return True
    return False


def _is_utf8(raw: bytes) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(raw), _BLOCK):
            decoder.decode(raw[start : start + _BLOCK])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _decoded(raw: bytes, encoding: str, name: str) -> bytes:
    try:
        return raw.decode(encoding).removeprefix("\ufeff").encode("utf-8")
    except (UnicodeError, ValueError, TypeError) as error:
        start = getattr(error, "start", 0)
        line = raw[:start].count(b"\n") + 1
        raise InputError(
            f"source {name!r} is not in the encoding {encoding!r}: the byte at position {start:,}, line {line:,}, "
            "is none of it. Pass another encoding=, or leave it out to let it be found."
        ) from error

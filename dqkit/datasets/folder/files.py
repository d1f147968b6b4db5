"""Which files are pictures, which are what a system leaves behind, and which folders dqkit itself has written."""

from __future__ import annotations

import json
import os
from collections.abc import Collection

# A file of such a name is believed to be a picture; one that cannot be read is a problem of its sample.
_PICTURE_SUFFIXES_TEXT = """
.apng .avif .avifs .bmp .dcm .dib .dicom .gif .heic .heif .hif .ico .icb .j2c .j2k .jfif .jp2 .jpc .jpe
.jpeg .jpf .jpg .jpx .mpo .pbm .pcx .pgm .png .pnm .ppm .ras .sgi .tga .tif .tiff .webp .xbm .xpm
"""
PICTURE_SUFFIXES = frozenset(_PICTURE_SUFFIXES_TEXT.split())
# Not opened to look at their first bytes; all other files of no picture's name are.
_OTHER_SUFFIXES_TEXT = """
.avi .bak .bin .bz2 .cfg .csv .crdownload .db .doc .docx .gz .h5 .hdf5 .htm .html .ini .ipynb .js .json
.jsonl .lock .log .mat .md .mkv .mov .mp3 .mp4 .names .npy .npz .parquet .part .partial .pdf .pickle .pkl
.psd .pt .pth .py .pyc .rst .rtf .sh .sqlite .svg .tar .tfrecord .tmp .toml .tsv .txt .wav .xls .xlsx .xml
.yaml .yml .zip
"""
_OTHER_SUFFIXES = frozenset(_OTHER_SUFFIXES_TEXT.split())
_SYSTEM_FILES = frozenset(["thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "folder.htt"])
_SYSTEM_FOLDERS = frozenset(
    ["__macosx", "__pycache__", "@eadir", "$recycle.bin", "system volume information", "lost+found", "#recycle"]
)
_MAGIC = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\0", b"MM\0*", b"\0\0\0\x0cjP  \r\n")
_BRANDS = (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")


def is_hidden(name: str) -> bool:
    """Whether a file or folder is one that its owner does not see: a dot file, or what a system left behind."""
    return name.startswith(".") or name.casefold() in _SYSTEM_FILES or name.casefold() in _SYSTEM_FOLDERS


def has_picture_name(name: str) -> bool:
    """Whether the suffix of a file's name is that of a picture."""
    return os.path.splitext(name)[1].casefold() in PICTURE_SUFFIXES


def is_picture(path: str, name: str) -> bool:
    """Whether a file is a picture by its name, or by its first bytes where the name says nothing."""
    suffix = os.path.splitext(name)[1].casefold()
    if suffix in PICTURE_SUFFIXES:
        return True
    if suffix in _OTHER_SUFFIXES:
        return False
    try:
        with open(path, "rb", buffering=0) as file:
            head = file.read(132)
    except OSError:
        return False
    return (
        head.startswith(_MAGIC)
        or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")
        or (head[:2] == b"BM" and head[6:10] == b"\0\0\0\0")
        or (head[4:8] == b"ftyp" and head[8:12] in _BRANDS)
        or head[128:] == b"DICM"
    )


def own_output(path: str, names: Collection[str]) -> str | None:
    """Which of "audit" and "workbench" dqkit itself wrote into the folder of these names, else None."""
    if "health.json" in names:
        record = _json(os.path.join(path, "health.json"))
        if isinstance(record.get("schema"), int) and "metrics" in record:
            return "audit"
    if "project.json" in names and _json(os.path.join(path, "project.json")).get("dqkit") == "workbench":
        return "workbench"
    return None


def _json(path: str) -> dict[str, object]:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

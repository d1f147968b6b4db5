from __future__ import annotations

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from dqkit.export.file_names import LONGEST, FreeNames, escaped, folder_names, unescaped

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
NOT_ON_WINDOWS = set('<>:"/\\|?*')


@given(st.lists(WORDS, unique=True, max_size=12))
@example(["CON", "con", "Con"])
@example(["caf\u00e9", "cafe\u0301"])
@example(["a/b", "a%2Fb", "a\\b"])
@example([".", "..", " ", "end.", "end", "end "])
def test_every_class_gets_a_folder_of_its_own_that_windows_and_macos_can_hold(names):
    folders = list(folder_names(names).values())
    seen = {unicodedata.normalize("NFC", unicodedata.normalize("NFKC", f).casefold()) for f in folders}
    assert len(seen) == len(names)
    for folder in folders:
        assert folder
        assert not set(folder) & NOT_ON_WINDOWS
        assert not any(ord(c) < 32 for c in folder)
        assert folder[-1] not in ". "
        assert folder[0] not in ". "
        assert folder.split(".")[0].upper() not in {"CON", "PRN", "AUX", "NUL", "COM1", "LPT9"}
        assert len(folder.encode()) < 255


@given(WORDS)
@example("100 % a/b.")
@example("%41")
def test_what_was_escaped_comes_back(name):
    folder = escaped(name)
    assert len(folder.encode()) > LONGEST or unescaped(folder) == name


def test_a_plain_name_stays_as_it_is():
    assert folder_names(["cat", "Hund", "日本", "-1", "007", "c++"]) == {
        "cat": "cat",
        "Hund": "Hund",
        "日本": "日本",
        "-1": "-1",
        "007": "007",
        "c++": "c++",
    }


def test_two_long_names_with_one_beginning_are_told_apart():
    first, second = folder_names(["a" * 300, "a" * 299 + "b"]).values()
    assert first != second
    assert len(first) < 160


def test_files_of_one_name_are_numbered_also_where_only_the_case_or_the_ending_differs():
    free = FreeNames()
    assert [free.take("cat", name) for name in ("a.jpg", "A.JPG", "a.png", "b.jpg")] == [
        "a.jpg",
        "A-2.JPG",
        "a-3.png",
        "b.jpg",
    ]
    assert free.take("dog", "a.jpg") == "a.jpg"


def test_many_files_of_one_name_are_numbered_without_trying_every_number_again():
    free = FreeNames()
    names = [free.take("train/cat", name) for name in ["scan.png", "Scan.png", "scan-4.png"] + ["scan.png"] * 20_000]
    assert names[:6] == ["scan.png", "Scan-2.png", "scan-4.png", "scan-3.png", "scan-5.png", "scan-6.png"]
    assert len(set(names)) == len(names)

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import dqkit.baselines
from dqkit import cli

REPORT = {"schema": 1, "metrics": {"label_error_rate": 0.04, "oos_accuracy": 0.9, "duplicate_rate": 0.0}}


def rows(n: int = 60, seed: int = 0) -> pd.DataFrame:
    """Two classes that both the length and the words tell apart."""
    rng = np.random.default_rng(seed)
    is_good = rng.random(n) < 0.5
    words = [("fine", "lovely", "great"), ("bad", "awful", "poor")]
    texts = [" ".join(rng.choice(words[int(not good)], 4)) + f" thing number {i}" for i, good in enumerate(is_good)]
    length = is_good + rng.normal(0, 0.2, n)
    return pd.DataFrame({"review": texts, "length": length, "stars": np.where(is_good, "good", "bad")})


@pytest.fixture
def report(tmp_path: Path) -> Path:
    (tmp_path / "health.json").write_text(json.dumps(REPORT))
    return tmp_path


def test_a_table_with_a_label_alone_is_audited_and_the_choice_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows()[["review", "stars"]].to_csv(tmp_path / "reviews.csv", index=False)
    out = tmp_path / "out"
    assert cli.main(["audit", str(tmp_path / "reviews.csv"), "--label", "stars", "--out", str(out), "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "taking column 'review' as the texts, as --text review would" in said
    assert {p.name for p in out.iterdir()} == {"health.html", "health.json", "signals.parquet", "checkpoints"}
    found = json.loads((out / "health.json").read_text())
    assert found["schema"] == 1
    assert found["metrics"]["n_samples"] == 60
    assert found["failed_sections"] == []
    assert found["sections"]["overview"]["modality"] == "text"
    assert len(pd.read_parquet(out / "signals.parquet")) == 60
    assert cli.main(["check", str(out), "--min", "oos_accuracy=0.8", "--max", "unreadable_rate=0"]) == 0


def test_columns_without_prose_become_features_and_mere_names_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = rows().drop(columns="review")
    table["code"] = [f"item-{i}" for i in range(len(table))]
    table["split"] = ["test"] * 10 + ["train"] * 50
    table.to_parquet(tmp_path / "items.parquet")
    out = tmp_path / "out"
    code = cli.main(["audit", str(tmp_path / "items.parquet"), "--label", "stars", "--out", str(out), "--quiet"])
    assert code == 0
    said = capsys.readouterr().out
    assert "taking column 'split' as the split" in said
    assert "taking 1 column as features, as --features length would; left out as mere names: code" in said
    overview = json.loads((out / "health.json").read_text())["sections"]["overview"]
    assert overview["n_test"] == 10
    assert [c["column"] for c in overview["content"]["columns"]] == ["length"]


def test_a_folder_of_class_folders_is_audited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image
    from sklearn.linear_model import LogisticRegression

    # One quick model in place of the default ones, which have tests of their own.
    real = dqkit.baselines.cross_val_predictions

    def quick(dataset, _, *rest, **options):
        return real(dataset, LogisticRegression(max_iter=1000), *rest, **options)

    monkeypatch.setattr("dqkit.baselines.cross_val_predictions", quick)

    rng = np.random.default_rng(0)
    for name, level in (("dark", 40), ("light", 200)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(12):
            pixels = np.clip(rng.normal(level, 20, (16, 16, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{i}.png")
    (tmp_path / "photos" / "dark" / "broken.png").write_bytes(b"no image")
    out = tmp_path / "out"
    options = ["--out", str(out), "--quiet", "--title", "Photos", "--folds", "2"]
    assert cli.main(["audit", str(tmp_path / "photos"), *options]) == 0
    found = json.loads((out / "health.json").read_text())
    assert found["title"] == "Photos"
    assert found["metrics"]["n_samples"] == 25
    assert found["metrics"]["unreadable_rate"] == pytest.approx(1 / 25)
    assert found["failed_sections"] == []
    assert "data:image/" in (out / "health.html").read_text()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_figures(tmp_path: Path) -> None:
    rows().to_csv(tmp_path / "reviews.csv", index=False)
    common = ["audit", str(tmp_path / "reviews.csv"), "--label", "stars", "--features", "length", "--quiet"]
    found = []
    for name in ("one", "two"):
        assert cli.main([*common, "--out", str(tmp_path / name), "--seed", "3", "--folds", "3"]) == 0
        found.append(json.loads((tmp_path / name / "health.json").read_text())["metrics"])
    assert found[0] == found[1]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nowhere.csv", "--label", "stars"], "'nowhere.csv' does not exist"),
        (["reviews.csv"], "a table needs --label COLUMN"),
        (["reviews.csv", "--label", "moons"], "It has: review, length, stars."),
        (["reviews.csv", "--label", "stars", "--text", "nothing"], "text must be a column"),
        (["notes.md", "--label", "stars"], "SOURCE must be a folder or one of"),
        (["empty.csv", "--label", "stars"], "cannot be read as a table"),
        (["two.csv", "--label", "stars"], "several columns that could be it: review, other; name one: --text"),
        (["only.csv", "--label", "stars"], "no column beside 'stars'"),
        (["folder", "--label", "stars"], "--label names a column of a table"),
        (["folder"], "folder must hold"),
        (["one_class.csv", "--label", "stars"], "class"),
    ],
)
def test_a_mistake_in_an_audit_is_one_line_and_exit_code_two(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    why: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    table = rows()
    table.to_csv("reviews.csv", index=False)
    table.assign(other=table["review"]).to_csv("two.csv", index=False)
    table[["stars"]].to_csv("only.csv", index=False)
    table.assign(stars="good").to_csv("one_class.csv", index=False)
    Path("notes.md").write_text("x")
    Path("empty.csv").write_text("")
    Path("folder").mkdir()
    assert cli.main(["audit", *arguments, "--out", "out", "--quiet"]) == 2
    error = capsys.readouterr().err
    assert why in error
    assert error.startswith("dqkit: ")
    assert error.count("\n") == 1


def test_an_out_that_is_a_file_is_refused_before_any_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "out").write_text("mine")
    assert cli.main(["audit", str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "--out must name a folder" in capsys.readouterr().err
    assert (tmp_path / "out").read_text() == "mine"


def test_rules_that_hold_exit_zero_with_one_line_each(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(["check", str(report), "--max", "label_error_rate=0.04", "--min", "oos_accuracy=0.85"])
    assert code == 0
    assert capsys.readouterr().out.splitlines() == [
        "ok   label_error_rate = 0.04 (must be <= 0.04)",
        "ok   oos_accuracy = 0.9 (must be >= 0.85)",
    ]


def test_one_rule_that_falls_short_exits_one_and_all_are_printed(
    report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = ["--max", "label_error_rate=0.01", "--max", "duplicate_rate=0.5", "--min", "oos_accuracy=0.95"]
    assert cli.main(["check", str(report / "health.json"), *rules]) == 1
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["FAIL", "ok", "FAIL"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "at least one rule"),
        (["--max", "accuracy=1"], "measured here: duplicate_rate, label_error_rate, oos_accuracy"),
        (["--max", "label_error_rate"], "must be NAME=VALUE"),
        (["--max", "label_error_rate=low"], "must be NAME=VALUE"),
        (["--max", "label_error_rate=nan"], "must be NAME=VALUE"),
        (["--min", "=1"], "must be NAME=VALUE"),
        (["--max", "label_error_rate=1", "--max", "label_error_rate=2"], "twice"),
    ],
)
def test_a_check_that_cannot_run_exits_two(
    report: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], why: str
) -> None:
    assert cli.main(["check", str(report), *arguments]) == 2
    captured = capsys.readouterr()
    assert why in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("text", [None, "{", '{"schema": 1}', "\xff\xfe"])
def test_a_missing_or_malformed_report_exits_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    if text is not None:
        (tmp_path / "health.json").write_bytes(text.encode("latin-1"))
    assert cli.main(["check", str(tmp_path), "--max", "label_error_rate=1"]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_lab_without_jupyterlab_names_the_command_that_mends_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert cli.main(["lab"]) == 2
    assert "pip install 'dqkit[lab]'" in capsys.readouterr().err


def test_lab_opens_the_notebooks_on_this_machine_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr("subprocess.call", lambda command: started.append(command) or 0)
    assert cli.main(["lab", "--notebooks", str(tmp_path), "--port", "8899", "--no-browser"]) == 0
    assert started[0][1:] == [
        "-m",
        "jupyterlab",
        f"--notebook-dir={tmp_path}",
        "--ServerApp.ip=127.0.0.1",
        "--ServerApp.port=8899",
        "--no-browser",
    ]


def test_lab_copies_the_notebooks_of_the_package_where_there_is_no_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "lib" / "dqkit"
    (package / "notebooks").mkdir(parents=True)
    (package / "notebooks" / "01_quickstart.ipynb").write_text("{}")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(cli, "__file__", str(package / "cli.py"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    opened: list[list[str]] = []
    monkeypatch.setattr("subprocess.call", lambda command: opened.append(command) or 0)
    assert cli.main(["lab"]) == 0
    assert (tmp_path / "here" / "notebooks" / "01_quickstart.ipynb").read_text() == "{}"
    # A second call opens what is there by now and overwrites nothing.
    (tmp_path / "here" / "notebooks" / "01_quickstart.ipynb").write_text("mine")
    assert cli.main(["lab"]) == 0
    assert (tmp_path / "here" / "notebooks" / "01_quickstart.ipynb").read_text() == "mine"
    assert opened[0] == opened[1]


def test_lab_refuses_a_folder_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    assert cli.main(["lab", "--notebooks", str(tmp_path / "none")]) == 2
    assert "--notebooks must name an existing folder" in capsys.readouterr().err


def test_an_interrupt_exits_130_without_a_traceback(
    report: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("dqkit.report.load", interrupted)
    assert cli.main(["check", str(report), "--max", "label_error_rate=1"]) == 130
    assert "interrupted" in capsys.readouterr().err


WAITING = """
import sys, time
import dqkit.cli, dqkit.datasets

def wait(*arguments, **options):
    print("waiting", flush=True)
    time.sleep(60)

dqkit.datasets.from_folder = wait
sys.exit(dqkit.cli.main(["audit", sys.argv[1], "--out", sys.argv[2]]))
"""


def test_a_real_interrupt_of_a_running_audit_exits_130(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WAITING, str(tmp_path), str(tmp_path / "out")]
    # Tests that were started in the background have Ctrl-C switched off, and would hand that down.
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heeding)
    assert running.stdout is not None
    assert running.stdout.readline() == "waiting\n"
    running.send_signal(signal.SIGINT)
    _, error = running.communicate(timeout=60)
    assert running.returncode == 130
    assert error == "dqkit: interrupted; what was finished is kept.\n"


def _commands() -> dict[str, argparse.ArgumentParser]:
    chosen = cli._parser()._subparsers
    assert chosen is not None
    return dict(chosen._group_actions[0].choices or {})  # type: ignore[arg-type]


def test_every_command_and_every_option_says_what_it_does() -> None:
    commands = _commands()
    assert {"audit", "check", "export", "lab"} <= set(commands)
    for name, parser in commands.items():
        assert parser.description, name
        for action in parser._actions:
            assert action.help, (name, action.dest)


@pytest.mark.parametrize("arguments", [["--help"], ["audit", "--help"], ["check", "--help"], ["lab", "--help"]])
def test_help_is_printed_and_exits_zero(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 0
    assert "usage: dqkit" in capsys.readouterr().out


def test_a_wrong_option_exits_two() -> None:
    with pytest.raises(SystemExit) as stopped:
        cli.main(["audit", "x", "--out", "y", "--folds", "1"])
    assert stopped.value.code == 2


OWN = """
import dqkit as dq

@dq.register_check(title="Even rows")
def even(audit):
    return [int(i) % 2 == 0 for i in range(len(audit))]

@dq.register_check
def broken(audit):
    raise RuntimeError("out of order")
"""


def test_checks_of_your_own_become_columns_sections_and_rules(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dqkit.findings.registry._registered", {})
    rows().to_csv(tmp_path / "reviews.csv", index=False)
    (tmp_path / "mine.py").write_text(OWN)
    out = tmp_path / "out"
    options = ["--label", "stars", "--features", "length", "--folds", "2", "--quiet", "--out", str(out)]
    command = ["audit", str(tmp_path / "reviews.csv"), *options, "--checks", str(tmp_path / "mine.py")]
    assert cli.main(command) == 0
    assert "section broken failed: RuntimeError: out of order" in capsys.readouterr().err
    signals = pd.read_parquet(out / "signals.parquet")
    assert signals["even_score"].tolist() == [1.0, 0.0] * 30
    assert signals.index[signals["even_flag"]].tolist() == signals.index[::2].tolist()
    assert "Even rows" in (out / "health.html").read_text(encoding="utf-8")
    rules = ["--max", "even=0.5", "--min", "even.affected=30", "--max", "label_errors.label_error_rate=1"]
    assert cli.main(["check", str(out), *rules]) == 0
    assert cli.main(["check", str(out), "--max", "even.rate=0.49"]) == 1
    assert cli.main(["check", str(out), "--max", "broken=1"]) == 2
    assert "'broken' is no metric of dqkit" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "why"),
    [(None, "does not exist"), ("1 / 0", "raised ZeroDivisionError"), ("import nothing_there", "nothing_there")],
)
def test_a_file_of_checks_that_does_not_run_is_one_line_and_exit_code_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str | None, why: str
) -> None:
    if text is not None:
        (tmp_path / "mine.py").write_text(text)
    assert cli.main(["audit", str(tmp_path), "--out", str(tmp_path / "o"), "--checks", str(tmp_path / "mine.py")]) == 2
    error = capsys.readouterr().err
    assert why in error
    assert error.count("\n") == 1

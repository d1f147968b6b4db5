"""The report draws what the round found where it still holds, and checks anew what answers changed."""

from __future__ import annotations

import pytest

from dqkit.findings import register_check, unregister_check
from dqkit.workbench.surfaces import still_true
from tests.workbench.conftest import quick


@pytest.fixture
def counted():
    calls = []

    @register_check
    def labels_seen(audit):
        calls.append(list(audit.label_names))

    yield calls
    unregister_check("labels_seen")


def test_without_an_answer_nothing_is_checked_again_and_with_one_what_reads_labels_is(bench, tmp_path, counted):
    @register_check
    def about_labels(audit):
        counted.append(1)
        return [0.0] * len(audit)

    rnd = bench.run_round(budget=10, estimators=quick(), progress=False)
    once = len(counted)
    bench.report(tmp_path / "a.html")
    # A check that had nothing to say left no finding, so it is asked again; the other is not.
    assert len(counted) == once + 1
    kept = {finding.name for finding in still_true(rnd, bench.labels())}
    assert "balance" in kept
    assert "label_errors" not in kept
    sample = rnd.queue["sample_id"].iloc[0]
    bench.record(sample, bench.dataset.classes[0], annotator="ana")
    later = still_true(rnd, bench.labels())
    assert "balance" not in {finding.name for finding in later}
    assert "order" in {finding.name for finding in later}
    assert not any(sample in finding.sample_ids for finding in later)
    before = len(counted)
    bench.report(tmp_path / "b.html")
    assert len(counted) == before + 2
    unregister_check("about_labels")

from __future__ import annotations

import numpy as np

from dqkit.baselines.embedding.members import normalized


def test_an_embedding_is_made_one_of_angles_centred_and_of_one_scale_over_the_rows_that_may_be_learned_from() -> None:
    rng = np.random.default_rng(0)
    raw = rng.normal(2, 1, size=(50, 6)).astype(np.float32)
    rows = np.arange(40)
    unit = raw / np.sqrt((raw.astype(np.float64) ** 2).sum(axis=1))[:, None]
    middle = unit[:40] - unit[:40].mean(axis=0)
    wanted = (unit - unit[:40].mean(axis=0)) / np.mean([middle[:, j].std() for j in range(6)])
    np.testing.assert_allclose(normalized(raw.copy(), rows), wanted, rtol=1e-4, atol=1e-4)


def test_pictures_of_one_colour_that_embed_to_nothing_stay_finite() -> None:
    assert np.isfinite(normalized(np.zeros((4, 3), dtype=np.float32), np.arange(4))).all()
    assert np.abs(normalized(np.ones((4, 3), dtype=np.float32), np.arange(4))).max() < 1
    assert normalized(np.ones((1, 3), dtype=np.float32), np.zeros(0, dtype=np.int64)).shape == (1, 3)

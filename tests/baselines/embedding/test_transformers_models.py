from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dqkit.baselines import BaselineWarning, cross_val_predictions, embed
from dqkit.records import InputError
from tests.baselines.data import blobs, dataset, digits

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def image_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    folder = tmp_path_factory.mktemp("vit")
    config = transformers.ViTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16, image_size=16, patch_size=8
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        transformers.ViTModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def text_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch

    folder = tmp_path_factory.mktemp("bert")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film", "a"]
    (folder / "vocab.txt").write_text("\n".join(words))
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=12,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        transformers.BertModel(config).save_pretrained(folder)
    transformers.BertTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


def test_images_are_embedded_and_classified(image_model: Path, tmp_path: Path) -> None:
    out = cross_val_predictions(digits(150), folds=3, pretrained=image_model, checkpoint_dir=tmp_path, progress=False)
    assert out.members == ("ridge", "kernel")
    assert (out.pred_probs.argmax(1) == digits(150).labels).mean() > 0.3


def test_a_text_has_the_same_embedding_alone_and_among_longer_ones(text_model: Path) -> None:
    texts = np.array(["good film", "bad", "a good good film a bad film " * 5, ""], dtype=object)
    ds = dataset(texts, [0, 1, 0, 1], modality="text")
    together = embed(ds, text_model, progress=False)
    alone = embed(ds.take([1]), text_model, progress=False)
    assert together.shape == (4, 16)
    np.testing.assert_allclose(together[1], alone[0], atol=1e-5)


def test_a_missing_model_is_reported_and_the_defaults_are_used(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.warns(BaselineWarning, match="The defaults are used"):
        out = cross_val_predictions(digits(60), folds=2, pretrained=tmp_path / "empty", progress=False)
    assert "patches" in out.members


def test_a_table_has_no_pretrained_model() -> None:
    with pytest.raises(InputError, match="images or texts"):
        cross_val_predictions(blobs(), pretrained="anything", progress=False)

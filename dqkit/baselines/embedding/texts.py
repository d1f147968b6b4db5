"""Texts through a transformers model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dqkit.baselines.embedding.encoders import best_device, weights_digest
from dqkit.baselines.embedding.transformers_models import loaded

TOKENS = 256


class TextEncoder:
    """A loaded model for texts: the mean over the tokens of its last layer."""

    def __init__(self, model: str | Path, batch: int) -> None:
        self.batch = batch
        self.device = best_device()
        self.model = loaded("AutoModel", model)
        self.tokenizer = loaded("AutoTokenizer", model)
        self.revision = weights_digest(self.model.state_dict().items(), self.model.config.to_dict())
        self.model.to(self.device)

    def __call__(self, texts: list[str]) -> NDArray[np.float32]:
        """float32 (k, d)."""
        import torch

        out: list[NDArray[np.float32]] = []
        start = 0
        while start < len(texts):
            try:
                with torch.no_grad(), torch.autocast("cuda", torch.bfloat16, enabled=self.device.type == "cuda"):
                    pooled = self._pool(texts[start : start + self.batch])
            except torch.cuda.OutOfMemoryError:
                if self.batch == 1:
                    raise
                self.batch = max(1, self.batch // 2)
                print(f"out of device memory: embedding {self.batch} samples at a time from here on")
                continue
            out.append(pooled.float().cpu().numpy())
            start += len(out[-1])
        return np.concatenate(out)

    def _pool(self, texts: list[str]) -> Any:
        tokens = self.tokenizer(texts, padding=True, truncation=True, max_length=self._tokens(), return_tensors="pt")
        tokens = {key: value.to(self.device) for key, value in tokens.items()}
        hidden = self.model(**tokens).last_hidden_state
        mask = tokens["attention_mask"][..., None].to(hidden.dtype)
        return (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)

    def _tokens(self) -> int:
        """As many tokens as the model has positions for, 256 at most."""
        return min(TOKENS, int(getattr(self.model.config, "max_position_embeddings", TOKENS)))

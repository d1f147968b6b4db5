"""Samples that are nearly the same, found without comparing every pair: pure functions below every stage."""

from __future__ import annotations

from dqkit.arrays.components import linked_groups
from dqkit.near_copies.identical import identical_content
from dqkit.near_copies.similar_images import similar_images
from dqkit.near_copies.similar_texts import similar_texts

__all__ = ["identical_content", "linked_groups", "similar_images", "similar_texts"]

"""Fine-tuning of a pretrained network for pictures: a linear probe first, then its last blocks."""

"""Pretrained networks: how pictures and texts reach them, and what is made of their features."""

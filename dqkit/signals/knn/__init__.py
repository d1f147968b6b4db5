"""Nearest neighbours: exact and approximate searches behind `dqkit.signals.neighbors`."""

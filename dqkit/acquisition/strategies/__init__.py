"""Query strategies: which unlabelled rows to label next."""

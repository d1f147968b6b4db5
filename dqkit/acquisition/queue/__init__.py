"""The queue: one budget over new labels, doubtful labels and second opinions, and the reason of every row."""

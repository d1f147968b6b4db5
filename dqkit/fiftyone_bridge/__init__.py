"""FiftyOne as a second surface beside the notebook."""

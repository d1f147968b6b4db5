"""Array arithmetic that several stages share: pure functions that know no stage."""

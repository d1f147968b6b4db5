"""Wrong labels: the noise model, the evidence, and the decision behind `dqkit.signals.label_errors`."""

"""What is watched while training: metrics, probes, validation, collapse, cards."""

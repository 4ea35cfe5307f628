"""Making the encoder: a self-supervised teacher, then a distilled student."""

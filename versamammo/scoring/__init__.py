"""How well something tells classes apart: ROC curves, scores per topic with intervals."""

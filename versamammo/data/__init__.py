"""Archives as datasets: sources, preparation, manifest, cache, splits, labels, licences."""

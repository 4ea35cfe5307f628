"""What a network sees of a mammogram: crops, augmentations, masks, batches."""

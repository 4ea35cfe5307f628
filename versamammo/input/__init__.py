"""From a mammogram to a model's input tensor and back: contract, crop, scale, coordinates."""

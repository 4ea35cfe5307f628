"""The encoder: backbones, heads, weights, ONNX graph, in transformers' manner."""

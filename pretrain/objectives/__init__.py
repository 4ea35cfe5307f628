"""What a network is trained to do: self-supervised, supervised and distillation losses."""

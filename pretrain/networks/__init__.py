"""Teacher, student and what starts them: ViT, heads, momentum and frozen teachers."""

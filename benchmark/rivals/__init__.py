"""Other people's vision-language models, put the same questions about the same pictures."""

"""One module per archive: where its files lie and what its words mean."""

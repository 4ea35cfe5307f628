"""The public archives of the paper, one module each, and the catalogue of where to get them."""

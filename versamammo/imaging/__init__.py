"""Any mammogram file in, one `Mammogram` out: formats, grey levels, the breast and its side."""

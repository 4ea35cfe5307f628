"""The parts of `versamammo prepare`: what is done to one file, by whom, and how it is kept."""

"""The picture of an exam: hung, windowed, marked."""

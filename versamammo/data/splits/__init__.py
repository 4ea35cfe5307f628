"""Who is learnt from and who is held out: drawn by patient, official or published."""

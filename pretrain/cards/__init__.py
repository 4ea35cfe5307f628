"""The READMEs of what is exported: a teacher's and a student's card."""

"""What is said: a question's meaning, answers, the report, all from the record of evidence."""

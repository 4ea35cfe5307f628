"""What is known of an exam: its pictures, what each source says of them, and the one record."""

"""Stage 2's student: its network and losses, what is known of its labels, its validation."""

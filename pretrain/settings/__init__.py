"""What a run can be told: the two stages' configurations, schedules, sizes."""

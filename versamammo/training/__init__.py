"""What every training run shares: folder, log, checkpoints, schedules, processes, how it ends."""

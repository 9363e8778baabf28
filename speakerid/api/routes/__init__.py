"""Routes parse, call one service and shape the answer. Nothing else."""

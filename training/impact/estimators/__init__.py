"""The estimators: nuisances, averages, roll-outs, lots, individual effects; arithmetic, and nothing else."""

"""xAPI over HTTP: the statements resource of 1.0.3 and 2.0, behind the same keys and limits as everything else."""

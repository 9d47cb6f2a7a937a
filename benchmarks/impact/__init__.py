"""Impact against known answers, each beside its peers in the same run."""

"""Fairness of a model version: who is flagged, what goes wrong for whom, what the features give away."""

"""Saved models scored again on one last block: their units, their slices, and how fast they answer; no baseline is fitted."""

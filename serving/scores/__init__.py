"""Kept scores: computed for everybody in batch, renewed in the background, read as one row."""

"""Bring your own: whether a model meets its question's contract, what it is worth, and its way into a bundle."""

"""Impact: whether a training helped, and how sure one can be."""

"""After promotion: do inputs and scores drift, does the level hold as outcomes arrive, what is shown and what becomes of it."""

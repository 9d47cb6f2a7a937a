"""Who is employed at a moment, and what was known of them that may move the chance of leaving."""

"""Who may leave, by when, and what moves that number."""

"""Features: the organisation's records, and what was known of them as of a moment."""

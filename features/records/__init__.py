"""The organisation's records: tables, the store that keeps them, and one reader per source."""

"""What is said of an estimate: its record, its verdict in words, its pictures."""

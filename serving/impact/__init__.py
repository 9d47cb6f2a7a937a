"""Did this training help, and how sure are we."""

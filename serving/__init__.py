"""Serving: what to answer, over HTTP and in batch."""

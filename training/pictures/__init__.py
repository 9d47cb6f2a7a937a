"""What a reader would rather look at than read: drawn from a saved model and its last block, aggregates alone."""

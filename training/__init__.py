"""Training: what the records teach, evaluated, registered and promoted."""

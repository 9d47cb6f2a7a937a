"""What to learn next: dataset, fit, evaluation and scorer of the recommendation question."""

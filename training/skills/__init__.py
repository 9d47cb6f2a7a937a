"""The skills question: which concepts of the taxonomy a text speaks of."""

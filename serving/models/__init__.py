"""The models that answer: signed bundles fetched, verified, tried, and swapped while running."""

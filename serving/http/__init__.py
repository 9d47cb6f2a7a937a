"""The HTTP layer around every answer: limits, identifiers, envelopes, problems, health, the contract's page."""

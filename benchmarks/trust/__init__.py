"""The scorecard of trust: what is done to the service, and what held."""

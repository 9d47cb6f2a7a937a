"""Records and events over HTTP: written and read by the caller's own keys."""

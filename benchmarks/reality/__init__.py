"""Every layer on real input: one step a file, all of them by `make reality`."""

"""Read from other systems that the settings name: statements of another record store, and course catalogues."""

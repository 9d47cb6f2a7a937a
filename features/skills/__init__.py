"""What people can do and what jobs ask for, on one proficiency scale; skills read from texts."""

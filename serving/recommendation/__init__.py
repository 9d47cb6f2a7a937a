"""What should this person learn next, in which order, and why."""

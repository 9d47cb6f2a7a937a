"""What a person can do, what a job asks for, and the difference."""

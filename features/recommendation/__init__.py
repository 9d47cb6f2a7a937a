"""What people did with courses, what courses teach, and what a course is worth to a person."""

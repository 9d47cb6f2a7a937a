"""What each question asks of somebody's model, and what its answers are worth beside ours."""

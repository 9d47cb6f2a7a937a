"""What runs by the clock or after a promotion: train again what changed, and go back."""

"""What an operator does beside serving: save, restore, upgrade, roll back, verify the audit, let go what is too old."""

"""What an estimate must withstand: overlap, hidden causes, missing outcomes, trends before, the number of questions."""

"""What a person may ask of the records about them: who looked, export, erasure, opting out, correction."""

"""The sample organisation: people, jobs, courses and careers, with the truth planted and written beside."""

from features.records.sample.writing import write_sample

__all__ = ["write_sample"]

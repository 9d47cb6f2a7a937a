"""What people did with courses, what courses teach, and what a course is worth to a person."""

from features.recommendation.behaviour import FEATURE_SCHEMA

__all__ = ["FEATURE_SCHEMA"]

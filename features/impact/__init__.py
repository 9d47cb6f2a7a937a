"""What impact needs to know of people and programmes, as of a moment."""

from features.impact.months import FEATURE_SCHEMA

__all__ = ["FEATURE_SCHEMA"]

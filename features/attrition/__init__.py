"""Who is employed at a moment, and what was known of them that may move the chance of leaving."""

from features.attrition.meanings import FEATURE_SCHEMA

__all__ = ["FEATURE_SCHEMA"]

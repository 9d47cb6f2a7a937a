"""How the hazard is fitted: trees and a logistic part, their search, their level, their range."""

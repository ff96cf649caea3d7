"""Figures, not tests: how fast, how much, how late. Each module says how it measures."""

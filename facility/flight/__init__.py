"""The flight recorder: what policies saw and said, and the days replayed from it.

Every decision is on file with its inputs, so that a day can be decided again, bit for bit, or by other policies.
"""

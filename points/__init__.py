"""KNOW: what the building is made of, and what it is doing now.

The lowest layer. Nothing here decides, commands or draws; it discovers points, keeps their
present readings and their history, and says how far each of them can be trusted.
"""

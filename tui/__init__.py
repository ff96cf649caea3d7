"""SHOW: screens for people. Knows the facility by its port alone."""

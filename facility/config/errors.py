"""What is wrong with a configuration, in words for the person who wrote it."""


class ConfigError(Exception):
    """The configuration cannot be used."""

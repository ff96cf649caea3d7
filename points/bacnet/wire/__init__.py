"""BACnet/IP in octets: our own codec for what is asked and reported thousands of times a second.

Pure functions of octets: no socket, no event loop, no state but caches of constants. Foreign octets
raise `points.errors.ProtocolError` and nothing else; every loop ends after as much work as there are
octets, and no length that an octet claims is believed before the octets are there.
bacpypes3 lends its tables of names, never its decoder.
"""

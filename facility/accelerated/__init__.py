"""The simulated hospital and the agent's own parts on one clock that nobody has to wait for: a week takes minutes.

Everything that decides and acts is the agent's own, as `facility.assembly` wires it. In place of the network there is
a call, in place of the readings' way through it what the hospital shows, and the time is that of `timeline`.
"""

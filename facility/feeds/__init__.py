"""What clinical IT and the utility tell the agent, and nothing else of what they send.

A space or a bed, a state, times: a message that says exactly that, in its strict form, is taken. Any other is refused
whole: it is counted by the reason and forgotten, and no part of it reaches a file, a log, an exception, a topic or a
screen. Nothing that arrives here commands anything: it is evidence for policies, and for the guard.
"""

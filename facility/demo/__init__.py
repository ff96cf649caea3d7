"""A hospital to try the agent on: simulator, broker and agent, each in its own process.

Nothing here is a short cut: the agent is the one that `facility run` starts, with a configuration
file that a real site could use. Everything that was started is ended again, also when we are killed:
each process ends when the pipe to its standard input closes.
"""

"""How much energy is used, what would have been used without the policies, and how the rooms were meanwhile.

Reports, from the history and the audit; nothing here commands anything. A saving is never told without its error and
never without a baseline that may be trusted; what was not seen is told as unknown. docs/energy.md has the method.
"""

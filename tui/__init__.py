"""SHOW: screens for people. Knows the facility by its port alone.

Textual reads its two constants when it is first imported, so they are set here, before that:
a short Escape delay (its 100 ms make Esc feel slow) and no animation at all.
"""

import os

os.environ.setdefault("ESCDELAY", "25")
os.environ.setdefault("TEXTUAL_ANIMATIONS", "none")

"""`python -m facility`: the same as the installed command."""

from facility.cli import main

main()

"""The command line as a person types it, and an agent in the same process that answers it."""

import asyncio

from typer.testing import CliRunner

from facility.cli import app, common
from facility.port import FacilityError


def answers(agent):
    """What stands in for `facility.cli.common.ask`: a no of the agent ends the verb as it does over the socket."""

    def ask(_socket, question):
        try:
            return asyncio.run(question(agent))
        except FacilityError as error:
            common.fail(str(error), common.Exit.NO)

    return ask


def typing(folder):
    """Runs `facility` with these words."""

    def typed(*words):
        return CliRunner().invoke(app, [*words, "--socket", str(folder / "agent.sock")])

    return typed

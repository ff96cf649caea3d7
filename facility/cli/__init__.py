"""The `facility` command. Every verb has an example in its help, exit codes, and errors that say what to do."""

from __future__ import annotations

import typer

from facility.cli import (
    act,
    audit,
    device_schedules,
    devices,
    dr,
    energy,
    events,
    look,
    overrides,
    policies,
    rehearse,
    relax,
    replay,
    run,
    who,
    why,
)

app = typer.Typer(
    name="facility",
    help="The facility controller agent of a hospital.\n\n"
    "Exit codes: 0 done, 1 refused or not as asked for, 2 usage, 3 no agent answers, 4 unusable configuration.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for verb in (
    run.run,
    run.demo,
    run.tui,
    look.discover,
    devices.devices,
    devices.passport,
    devices.approve,
    look.points,
    look.read,
    why.why,
    act.release,
    act.waiting,
    act.second,
    who.whoami,
    look.schedule,
    policies.policies,
    look.status,
    rehearse.rehearse,
    rehearse.rehearsal,
    rehearse.apply,
    rehearse.reload,
    replay.replay,
    energy.energy,
    energy.compliance,
    overrides.overrides,
    relax.profiles,
    relax.relaxations,
    relax.consent,
    run.check,
    run.preflight,
):
    app.command()(verb)
app.add_typer(audit.app)
app.add_typer(device_schedules.app)
app.add_typer(events.app)
app.add_typer(dr.app)
app.command(context_settings={"ignore_unknown_options": True})(act.write)  # -5 is a value, not an option


def main() -> None:
    """Entry point of the installed command."""
    app()

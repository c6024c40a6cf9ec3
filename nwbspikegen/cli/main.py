"""The group of commands, and how errors leave it."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from typing import Any

import click

from nwbspikegen import __version__
from nwbspikegen.cli.convert import convert
from nwbspikegen.cli.demo import demo_command
from nwbspikegen.cli.examples import add_examples
from nwbspikegen.cli.explain import explain_command
from nwbspikegen.cli.generate import generate_command
from nwbspikegen.cli.info import info_command
from nwbspikegen.cli.metadata import metadata_command
from nwbspikegen.cli.plot import plot_command
from nwbspikegen.cli.pretrain import pretrain_command
from nwbspikegen.cli.report import report_command
from nwbspikegen.cli.score import score_command
from nwbspikegen.cli.share import share_command
from nwbspikegen.cli.sweep import sweep_command
from nwbspikegen.cli.train import train_command
from nwbspikegen.cli.transfer import transfer_command
from nwbspikegen.cli.validate import validate_command
from nwbspikegen.core.allocation import keep_freed_memory
from nwbspikegen.core.errors import NWBSpikeGenError, OutputError
from nwbspikegen.core.report_option import find_wanted
from nwbspikegen.core.signals import ending_on_signals, find_exit_status, is_interrupted, stop_raising
from nwbspikegen.core.web_secrets import cut_secrets
from nwbspikegen.patchseq.cli import patchseq

_INTERRUPTED = "interrupted: no output is half-written, and the same command goes on or starts again"


class _UserError(click.ClickException):
    """One line on stderr, exit status 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        # click's own has the usage above it, which says nothing of a damaged file
        click.echo(f"nwbspikegen: error: {self.message}", err=True)


class _Commands(click.Group):
    """Lists commands in the order of a session, and turns users' errors into one line."""

    wrote_in_vain = False

    def list_commands(self, context: click.Context) -> list[str]:
        # click sorts by name
        return list(self.commands)

    def format_epilog(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        # names only: what other packages announce is imported when it is used, not when help is asked for
        from nwbspikegen.core.plugins import list_announced

        announced = list_announced("nwbspikegen.models", "nwbspikegen.metrics", "nwbspikegen.formats")
        rows = [(group.partition(".")[2], ", ".join(names)) for group, names in announced.items() if names]
        if rows:
            with formatter.section("Of installed packages"):
                formatter.write_dl(rows)

    def invoke(self, context: click.Context) -> Any:
        try:
            return self._invoke_explaining(context)
        except BaseException as error:
            # some libraries make an error of an interruption
            if not isinstance(error, KeyboardInterrupt) and not is_interrupted():
                raise
        stop_raising()
        logging.getLogger("nwbspikegen").debug(_INTERRUPTED)
        click.echo(f"nwbspikegen: {_INTERRUPTED}", err=True)
        return context.exit(find_exit_status())

    def _invoke_explaining(self, context: click.Context) -> Any:
        from nwbspikegen.core.files import explaining_full_disks

        try:
            # around every command: libraries tell of a full disk each in its own words
            with explaining_full_disks():
                returned = super().invoke(context)
                _write_report(context)
                return returned
        except NWBSpikeGenError as error:
            # stderr has this line without the log's help
            logging.getLogger("nwbspikegen").debug("error: %s", error)
            self.wrote_in_vain = isinstance(error, OutputError) and error.__cause__ is not None
            raise _UserError(str(error)) from error
        except click.exceptions.NoArgsIsHelpError:
            # a group without a command: its help, which holds nothing that was given
            raise
        except click.UsageError as error:
            # click repeats what was given, which may be an address where none is taken
            raise click.UsageError(cut_secrets(error.format_message()), ctx=error.ctx) from None


def _write_report(context: click.Context) -> None:
    """Write the page that the command was asked for by --report."""
    wanted = find_wanted(context)
    if wanted is None:
        return
    from nwbspikegen.reports import report

    page = report(wanted.thing, wanted.page, overwrite=wanted.overwrite)
    # stdout has the result, which may be JSON
    click.echo(f"wrote {page}, a page that shows it; open it in a browser", err=True)


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="nwbspikegen")
def cli() -> None:
    """Learn how one population's spiking predicts another's: NWB in, NWB out, honest scores.

    Results go to stdout (--json for machines), progress and logs to stderr. Exit status: 0 done,
    2 bad input with one line that says what to do, 1 a bug.
    """


# in the order of a session: from recording to archive
_COMMANDS = (
    demo_command,
    metadata_command,
    convert,
    info_command,
    train_command,
    pretrain_command,
    generate_command,
    score_command,
    transfer_command,
    explain_command,
    sweep_command,
    patchseq,
    report_command,
    plot_command,
    validate_command,
    share_command,
)
for _command in _COMMANDS:
    cli.add_command(_command)
add_examples(cli)


def main() -> None:
    """Run the command line."""
    # large arrays come and go: given back each time, a study took 111 s, not 87 (transfer_scale.md)
    keep_freed_memory()
    # before numba and torch are imported: threads that wait awake take the cores from those that work. Beside
    # other programs, 2 threads took 35 CPU s for what 1 does in 8, and now take 10 (scale.md)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        with ending_on_signals():
            try:
                # run by `python -m` it would be called __main__
                cli(prog_name="nwbspikegen")
            except SystemExit:
                # click ends with 1 where it is interrupted before the command begins
                if is_interrupted():
                    sys.exit(find_exit_status())
                raise
    except Exception:
        # a bug: its traceback is shown, and the addresses in it without what opens them
        sys.stderr.write(cut_secrets(traceback.format_exc()))
        sys.exit(1)
    finally:
        if cli.wrote_in_vain:
            # HDF5 that could not write its last bytes crashes when Python takes it down at the end
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(_UserError.exit_code)

"""`nwbspikegen convert`: a lab's spike files to NWB."""

from __future__ import annotations

import click

from nwbspikegen.cli.convert.building import build_command
from nwbspikegen.cli.convert.ibl import ibl
from nwbspikegen.cli.convert.maxwell import maxwell
from nwbspikegen.formats.register import FORMATS, GROUP, find_format


class _Formats(click.Group):
    """A command for each format; those of other packages are imported when they are run, not listed."""

    def list_commands(self, context: click.Context) -> list[str]:
        return sorted({*FORMATS, *_list_others()})

    def get_command(self, context: click.Context, name: str) -> click.Command:
        ours = super().get_command(context, name)
        return ours or build_command(name, find_format(name, is_typed=True))

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        # click's own looks a command up among those listed, where package.module:Name is not
        return args[0], self.get_command(context, args[0]), args[1:]

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, self.get_command(context, name).get_short_help_str(80)) for name in sorted(FORMATS)]
        rows += [
            (name, f"Of the package {package}." if package else "Of an installed package.")
            for name, package in _list_others().items()
            if name not in FORMATS
        ]
        rows.append(("package.module:Name", "A function of yours; its module may be in this folder."))
        with formatter.section("Formats"):
            formatter.write_dl(rows)


def _list_others() -> dict[str, str]:
    # late: every command starts with this module, and only those that list formats look at what is installed
    from nwbspikegen.core.plugins import list_announced

    return list_announced(GROUP)[GROUP]


@click.group(cls=_Formats, short_help="A lab's spike files to NWB.", subcommand_metavar="FORMAT SOURCE ...")
def convert() -> None:
    """Convert a lab's spike files to NWB that DANDI accepts."""


convert.add_command(ibl)
convert.add_command(maxwell)
for _name, _reader in FORMATS.items():
    # a format with a command of its own, as IBL's and MaxWell's, keeps it
    if _name not in convert.commands:
        convert.add_command(build_command(_name, _reader))

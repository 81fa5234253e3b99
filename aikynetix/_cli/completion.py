"""``aikynetix completion``."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from . import _output

# Click's own fish script cuts a description at its first comma.
_FISH = FishComplete.source_template.replace('string split ","', 'string split -m1 ","')
_SHELLS: dict[str, type[ShellComplete]] = {
    "bash": BashComplete,
    "zsh": ZshComplete,
    "fish": type("_Fish", (FishComplete,), {"source_template": _FISH}),
}


@click.command
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for your shell.

    \b
    For bash, put this line into ~/.bashrc:  eval "$(aikynetix completion bash)"
    For zsh, into ~/.zshrc after compinit:   eval "$(aikynetix completion zsh)"
    For fish, into config.fish:              aikynetix completion fish | source
    """  # noqa: D301 -- click's mark for lines that are to stay as they are is the character itself
    maker = _SHELLS[shell](ctx.find_root().command, {}, "aikynetix", "_AIKYNETIX_COMPLETE")
    _output.result(maker.source())

"""``aikynetix completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from . import _output


@click.command
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script for your shell.

    \b
    For bash, put this line into ~/.bashrc:  eval "$(aikynetix completion bash)"
    For zsh, into ~/.zshrc after compinit:   eval "$(aikynetix completion zsh)"
    For fish, into config.fish:              aikynetix completion fish | source
    """  # noqa: D301 -- click's mark for lines that are to stay as they are is the character itself
    maker = get_completion_class(shell)
    assert maker is not None
    script = maker(ctx.find_root().command, {}, "aikynetix", "_AIKYNETIX_COMPLETE").source()
    # Click's own fish script cuts a description at its first comma.
    _output.result(script.replace('string split ","', 'string split -m1 ","'))

"""`heronry completion SHELL`, and the live names that the shell proposes.

A person waits for the proposals with a finger on the Tab key: the cluster gets 0.1 s to answer, and when it
does not, nothing is proposed and nothing is said.
"""

from __future__ import annotations

import click

_ANSWER_WITHIN_S = 0.1
_SHELLS = {
    "bash": 'eval "$(heronry completion bash)"            in ~/.bashrc',
    "zsh": 'eval "$(heronry completion zsh)"             in ~/.zshrc',
    "fish": "heronry completion fish | source            in ~/.config/fish/config.fish",
}


def complete_topology(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of topologies that begin like ``incomplete``; none if the cluster is silent."""
    from storm_compat.cli.connect import client_for
    from storm_compat.client import ClientError

    try:
        with client_for(
            context, connect_timeout_s=_ANSWER_WITHIN_S, call_timeout_s=_ANSWER_WITHIN_S
        ) as client:
            names = [t.name for t in client.cluster().topologies]
    except (ClientError, click.ClickException):
        return []
    return [name for name in names if name.startswith(incomplete)]


@click.command(
    epilog="\b\nTo have it in every shell:\n" + "\n".join(f"  {line}" for line in _SHELLS.values())
)
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(context: click.Context, *, shell: str) -> None:
    """Print the completion script for a shell."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    root = context.find_root()
    click.echo(kind(root.command, {}, "heronry", "_HERONRY_COMPLETE").source())

"""`heronry blobs`: list, put, get, cat, rm, acl, replication.

A blob is a file that the cluster keeps under a key, for topologies that name it in topology.blobstore.map.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

import click

from storm_compat.cli.exit_codes import CommandError, ExitCode
from storm_compat.cli.settings import json_option, nimbus_option

if TYPE_CHECKING:
    from storm_compat.client_blobs import BlobClient, BlobInfo, Way

_CALL_TIMEOUT_S = 600.0
"""A large blob takes the disk of nimbus its time at the end."""

_COMPLETE_WITHIN_S = 0.1

C = TypeVar("C", bound=Callable[..., Any])


def complete_key(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Return keys that begin like ``incomplete``; none if the cluster is silent."""
    from storm_compat.cli.connect import client_for
    from storm_compat.client import ClientError

    try:
        with client_for(
            context, connect_timeout_s=_COMPLETE_WITHIN_S, call_timeout_s=_COMPLETE_WITHIN_S
        ) as client:
            return [key for key in client.blobs.keys() if key.startswith(incomplete)]  # noqa: SIM118  no dictionary
    except (ClientError, click.ClickException):
        return []


def _checked(
    context: click.Context, parameter: click.Parameter, value: str | tuple[str, ...]
) -> str | tuple[str, ...]:
    """Return one key or several if blobs can have them.

    Raises:
        CommandError: USAGE; says what a key may hold.
    """
    from storm_compat.blob_keys import check
    from storm_compat.errors import InvalidKey

    try:
        for key in (value,) if isinstance(value, str) else value:
            check(key)
    except InvalidKey as exc:
        raise CommandError(str(exc), code=ExitCode.USAGE) from exc
    return value


@click.group(
    epilog="""\b
Examples:
  heronry blobs put dict.txt words.txt           create it, or give it a new content
  heronry blobs list
  heronry blobs cat dict.txt | head
  heronry blobs acl dict.txt u:ada:rwa o::r      rights, as in storm blobstore
"""
)
def blobs() -> None:
    """Keep files in the cluster, for topologies and for you."""


def _common(command: C) -> C:
    return nimbus_option(json_option(command))


@blobs.command("list")
@click.argument("prefix", default="", shell_complete=complete_key)
@_common
@click.pass_context
def list_blobs(context: click.Context, *, prefix: str, nimbus: str | None, as_json: bool) -> None:
    """List the blobs whose keys begin with PREFIX."""
    from storm_compat.cli import acl_text, output
    from storm_compat.client import BlobNotFound, NimbusRefused

    found: list[tuple[str, BlobInfo | None]] = []
    with _connected(context) as client:
        for key in client.keys():  # noqa: SIM118  no dictionary
            if key.startswith(prefix):
                with contextlib.suppress(BlobNotFound):  # deleted since the list was made
                    try:
                        found.append((key, client.info(key)))
                    except NimbusRefused:
                        found.append((key, None))
    if as_json:
        output.print_json({"blobs": [_as_document(key, info) for key, info in found]})
    elif not found:
        click.echo("No blobs." if not prefix else f"No blob begins with {prefix!r}.")
    else:
        rows = [
            (k, i.version, i.replication, acl_text.show(i.acl)) if i else (k, None, None, None)
            for k, i in found
        ]
        click.echo(output.table(("KEY", "VERSION", "COPIES", "RIGHTS"), rows, right=(1, 2)))


@blobs.command()
@click.argument("key", callback=_checked, shell_complete=complete_key)
@click.argument("file", type=click.File("rb"), default="-")
@click.option("--create", "way", flag_value="create", help="Only if there is none of that key.")
@click.option("--update", "way", flag_value="update", help="Only if there is one of that key.")
@click.option(
    "--acl", "entries", multiple=True, metavar="ENTRY", help="Rights: u:NAME:rwa or o::r; more than once."
)
@_common
@click.pass_context
def put(
    context: click.Context,
    *,
    key: str,
    file: BinaryIO,
    way: str | None,
    entries: tuple[str, ...],
    nimbus: str | None,
    as_json: bool,
) -> None:
    """Make FILE, or what comes on stdin, the content of a blob."""
    from storm_compat.cli import output
    from storm_compat.cli.progress import bytes_bar

    acl = _parsed(entries)
    total_bytes = _size_of(file)
    sent_bytes = 0
    with _connected(context) as client, bytes_bar("Uploading", total_bytes) as show:

        def on_progress(done_bytes: int) -> None:
            nonlocal sent_bytes
            sent_bytes = done_bytes
            show(done_bytes)

        chosen: Way = "create" if way == "create" else "update" if way == "update" else "either"
        is_new = client.put(key, file, way=chosen, acl=acl, on_progress=on_progress)
        if acl and not is_new:
            client.set_acl(key, acl)
        version = client.info(key).version
    if as_json:
        output.print_json({"key": key, "version": version, "size_bytes": sent_bytes, "is_new": is_new})
    else:
        what = "is created" if is_new else "has a new content"
        click.echo(f"{key} {what}, {output.size(sent_bytes)}, version {version}")


@blobs.command()
@click.argument("key", callback=_checked, shell_complete=complete_key)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("-f", "--force", is_flag=True, help="Replace a file that is there.")
@_common
@click.pass_context
def get(
    context: click.Context, *, key: str, file: Path | None, force: bool, nimbus: str | None, as_json: bool
) -> None:
    """Write a blob to FILE, or to a file named like it; whole, or not at all."""
    from storm_compat.cli import output
    from storm_compat.cli.progress import bytes_bar

    goal = file or Path(key)
    if not goal.parent.is_dir():
        raise CommandError(f"there is no folder {goal.parent}", code=ExitCode.USAGE)
    if goal.exists() and not force:
        raise CommandError(
            f"{goal} is there already", code=ExitCode.EXISTS, advice="Replace it with --force."
        )
    part = goal.with_name(f".{goal.name}.part")
    got_bytes = 0
    try:
        with _connected(context) as client:
            download = client.download(key)
            with bytes_bar("Downloading", download.size_bytes) as show, part.open("wb") as content:
                for chunk in download.chunks:
                    content.write(chunk)
                    got_bytes += len(chunk)
                    show(got_bytes)
        part.replace(goal)
    finally:
        part.unlink(missing_ok=True)
    if as_json:
        document = {"key": key, "version": download.version, "size_bytes": got_bytes, "file": str(goal)}
        output.print_json(document)
    else:
        click.echo(f"{goal} holds {key}, {output.size(got_bytes)}, version {download.version}")


@blobs.command()
@click.argument("key", callback=_checked, shell_complete=complete_key)
@nimbus_option
@click.pass_context
def cat(context: click.Context, *, key: str, nimbus: str | None) -> None:
    """Write a blob to stdout."""
    with _connected(context) as client:
        for chunk in client.download(key).chunks:
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()


@blobs.command()
@click.argument("keys", nargs=-1, required=True, callback=_checked, shell_complete=complete_key)
@click.option("-y", "--yes", is_flag=True, help="Do not ask; asked is only at a terminal.")
@_common
@click.pass_context
def rm(
    context: click.Context, *, keys: tuple[str, ...], yes: bool, nimbus: str | None, as_json: bool
) -> None:
    """Remove blobs; one that a topology needs stays."""
    from storm_compat.cli import output

    if not yes and sys.stdin.isatty() and not click.confirm(f"Remove {', '.join(keys)}?", err=True):
        raise CommandError("nothing was removed")
    with _connected(context) as client:
        for key in keys:
            client.delete(key)
            if not as_json:
                click.echo(f"{key} is removed")
    if as_json:
        output.print_json({"removed": keys})


@blobs.command()
@click.argument("key", callback=_checked, shell_complete=complete_key)
@click.argument("entries", nargs=-1)
@_common
@click.pass_context
def acl(
    context: click.Context, *, key: str, entries: tuple[str, ...], nimbus: str | None, as_json: bool
) -> None:
    """Show the rights of a blob, or replace them by ENTRIES such as u:ada:rwa and o::r."""
    from storm_compat.blob_acl import WORLD
    from storm_compat.cli import acl_text, output

    wanted = _parsed(entries)
    with _connected(context) as client:
        if wanted:
            client.set_acl(key, wanted)
        info = client.info(key)
    if wanted and WORLD in info.acl and WORLD not in wanted:
        output.note("o::rwa was added: whoever has not signed in to Nimbus gives all rights to everybody")
    if as_json:
        output.print_json(_as_document(key, info))
    else:
        click.echo(acl_text.show(info.acl).replace(" ", "\n"))


@blobs.command()
@click.argument("key", callback=_checked, shell_complete=complete_key)
@click.argument("count", type=click.IntRange(min=1), required=False)
@_common
@click.pass_context
def replication(
    context: click.Context, *, key: str, count: int | None, nimbus: str | None, as_json: bool
) -> None:
    """Show how many copies of a blob are wanted, or want COUNT."""
    from storm_compat.cli import output

    with _connected(context) as client:
        if count is not None:
            client.set_replication(key, count)
        info = client.info(key)
    if as_json:
        output.print_json(_as_document(key, info))
    else:
        click.echo(str(info.replication))


@contextlib.contextmanager
def _connected(context: click.Context) -> Iterator[BlobClient]:
    from storm_compat.cli.connect import connect, nearest
    from storm_compat.client import BlobExists, BlobNotFound

    with connect(context, call_timeout_s=_CALL_TIMEOUT_S) as nimbus:
        try:
            yield nimbus.blobs
        except BlobNotFound as exc:
            advice = (
                nearest(exc.key, list(nimbus.blobs.keys())) or "See what there is with: heronry blobs list"
            )
            raise CommandError(f"no blob {exc.key!r}", code=ExitCode.NOT_FOUND, advice=advice) from exc
        except BlobExists as exc:
            raise CommandError(
                f"a blob {exc.key!r} exists already",
                code=ExitCode.EXISTS,
                advice="Give it a new content with --update.",
            ) from exc


def _parsed(entries: tuple[str, ...]) -> Any:
    from storm_compat.cli import acl_text

    try:
        return acl_text.parse(entries)
    except ValueError as exc:
        raise CommandError(str(exc), code=ExitCode.USAGE) from exc


def _size_of(file: BinaryIO) -> int | None:
    """Return how much there is to send, None for a pipe."""
    try:
        status = os.fstat(file.fileno())
    except (OSError, ValueError):
        return None
    return status.st_size or None


def _as_document(key: str, info: BlobInfo | None) -> dict[str, Any]:
    from storm_compat.cli import acl_text

    if info is None:
        return {"key": key, "is_readable": False}
    return {
        "key": key,
        "is_readable": True,
        "version": info.version,
        "replication": info.replication,
        "acl": acl_text.show(info.acl).split(),
    }

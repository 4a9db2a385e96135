"""What must be right in a component's environment before `multilang.client` can be imported there."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

from multilang.standin import KEY, MSGSPEC_VARIABLE

_AWAY: Final = f"take {KEY} out of the conf of this component, or of its topology"


def arrive() -> None:
    """Make `multilang.client` importable.

    Raises:
        ImportError: it cannot be; says why and what to do.
    """
    if importlib.util.find_spec("multilang.client") is None:
        raise ImportError(
            f"{KEY} needs the module name multilang, and the component has one of its own: {_AWAY}"
        )
    with _without("typing_extensions"):
        _import_msgspec()


def lacking(module: str, name: str) -> NoReturn:
    """Say that a name of pystorm's is not here; for ``__getattr__`` of the modules that stand in."""
    if name.startswith("__"):
        raise AttributeError(f"module {module!r} has no attribute {name!r}")
    raise ImportError(f"{KEY} cannot stand in for {module}.{name}: {_AWAY}")


@contextmanager
def _without(name: str) -> Iterator[None]:
    """Hide a module that would be imported for nothing: it takes a component's memory."""
    is_hidden = name not in sys.modules
    if is_hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # how Python says: not to be had
    try:
        yield
    finally:
        if is_hidden:
            del sys.modules[name]


def _import_msgspec() -> None:
    """Load the environment's msgspec, or the host's, which works if it is for the same release of Python."""
    if importlib.util.find_spec("msgspec") is not None:
        import msgspec  # noqa: F401  for whoever imports it next

        return
    folder = Path(os.environ.get(MSGSPEC_VARIABLE, "nowhere"))
    spec = importlib.util.spec_from_file_location(
        "msgspec", folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    try:
        if spec is None or spec.loader is None:
            raise ImportError(f"{folder} is no package")
        module = importlib.util.module_from_spec(spec)
        sys.modules["msgspec"] = module
        spec.loader.exec_module(module)
    except (ImportError, OSError) as exc:
        sys.modules.pop("msgspec", None)
        raise ImportError(
            f"{KEY} needs msgspec, which {sys.executable} does not have, and the one of the host does not fit"
            f" ({exc}): pip install msgspec there, or {_AWAY}"
        ) from exc

"""The App's server: on 127.0.0.1, with pages that stay there too, found a port, and stopped with its last session."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from dqkit.fiftyone_bridge.admission import HOSTS_VARIABLE, KEY_VARIABLE, admit, key_of
from dqkit.fiftyone_bridge.ports import is_ours_alone
from dqkit.records import InputError

LOCAL = "127.0.0.1"
PORTS = 50
START_SECONDS = 150  # FiftyOne waits 60 for its server, which is not enough where other work fills the machine


def free_port(port: int | None, name: str, first: int, *, last: int | None = None) -> int:
    """A port for the App on the dataset of this name: the given one, else `last`, else the next one from `first`.

    One where nothing answers, or where a server of ours shows this dataset already (any dataset, on a given port).
    FiftyOne would join whatever App answers on its port, also that of another kernel with another database.
    """
    liked = [last] if last is not None else []
    for candidate in [port] if port is not None else [*liked, *range(first, first + PORTS)]:
        if not _answers(candidate) and is_ours_alone(candidate):
            _forget(candidate)
            return int(candidate)
        shown = _shown(candidate)
        if shown is not None and (port is not None or shown <= {name}):
            return int(candidate)
    raise InputError(f"the 'port' argument must be a free port; something answers on {port or first} already.")


def serve(fo: ModuleType, port: int) -> None:
    """Start FiftyOne's server of this port, held to this machine and to who has its key, unless it runs already."""
    from fiftyone.core import context
    from fiftyone.core.service import ServerService
    from fiftyone.core.session import session

    context.init_context()
    # There the page comes through the host's own proxy, under a name not known before; the machine is one user's.
    guarded = not (context.is_colab_context() or context.is_databricks_context())
    if guarded:
        admit(fo)

    class LocalServer(ServerService):  # type: ignore[misc]
        """FiftyOne's own service with another program; `launch_app` takes it as if it had started it."""

        local_only = True

        @property
        def command(self) -> list[str]:
            return [sys.executable, "-P", "-m", "dqkit.fiftyone_bridge.local_server", str(port), LOCAL]

        def _wait_for_child_port(self, port: int | None = None, timeout: float = START_SECONDS) -> Any:
            return super()._wait_for_child_port(port=port, timeout=timeout)

        @property
        def env(self) -> dict[str, str]:
            here = [os.environ.get("PYTHONPATH"), str(Path(__file__).parents[2])]
            known = {
                # What was set in this process only, a server of its own would not know.
                "FIFTYONE_DATABASE_URI": fo.config.database_uri or os.environ.get("FIFTYONE_DATABASE_URI"),
                "FIFTYONE_PLUGINS_DIR": fo.config.plugins_dir,
                "PYTHONPATH": os.pathsep.join(path for path in here if path),
                # Not in the command, which everybody on the machine can read.
                KEY_VARIABLE: key_of(port) if guarded else None,
                HOSTS_VARIABLE: urlsplit(fo.app_config.proxy_url or "").netloc,
            }
            return {**super().env, **{name: str(value) for name, value in known.items() if value}}

    if port not in session._server_services:
        session._server_services[port] = LocalServer(port, address=LOCAL, do_not_track=True)


def close_app(session: Any) -> None:
    """End a `fiftyone.Session` and its server, unless another session shows on it.

    Parameters
    ----------
    session : fiftyone.Session
        From `open_app`. If it is closed already, nothing happens.
    """
    session._disable_wait_warning = True
    try:
        session.close()
    except (RuntimeError, OSError):  # in a notebook, FiftyOne first takes a picture of an App that may be gone
        session.__del__()


def refresh_apps(name: str) -> None:
    """Let the open pages of a dataset show what changed in it.

    Parameters
    ----------
    name : str
        The dataset, as it was pushed.
    """
    from fiftyone.core.session import session

    for one in [one for sessions in session._subscribed_sessions.values() for one in sessions]:
        if one.dataset is not None and one.dataset.name == name:
            try:
                one.refresh()
            except (RuntimeError, OSError):  # its server is gone, and with it the pages
                continue


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOCAL, port)) == 0


def _shown(port: int) -> set[str] | None:
    """The datasets that sessions of this process show on a server of ours on this port; None where it is not ours."""
    from fiftyone.core.session import session

    if not getattr(session._server_services.get(port), "local_only", False):
        return None
    return {one.dataset.name for one in session._subscribed_sessions[port] if one.dataset is not None}


def _forget(port: int) -> None:
    """FiftyOne never looks after a server of its own that was killed, and its sessions would join the next one."""
    from fiftyone.core.session import session

    for old in list(session._subscribed_sessions.get(port, ())):
        close_app(old)
    if port in session._server_services:
        session._server_services.pop(port).stop()

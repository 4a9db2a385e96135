"""Errors of this room; `storm_compat.failures` turns them into what clients know.

CompatError
    InvalidTopology     a submission that cannot be run as it is        (user)
        InvalidConf     a value in its configuration                    (user)
        InvalidJar      the uploaded jar                                (user)
    AlreadyAlive        the name is taken                               (user)
    NotAlive            no topology of that name or id                  (user)
    NoSuchComponent     the topology has no component of that id        (user)
    NoWorker            no worker there that could be started again    (user)
    KeyNotFound         no blob of that key                             (user)
    KeyExists           a blob of that key exists already               (user)
    InvalidKey          no blob can have that key                       (user)
    BlobInUse           a topology that is alive needs the blob         (user)
    NotAuthorized       the caller may not do that                      (user)
    InvalidSetting      a log level or the like that makes no sense     (user)
    NotForUs            what only a JVM could do                        (user)
    SessionGone         no such upload, download or list of blobs       (user)
    InvalidBlobMeta     rights or a number of copies that make no sense (user)
    InvalidArchive      a blob that is to be unpacked                   (user)
    BlobNotKept         the disk does not take it                       (local)
    UploadGone          no upload at that location                      (user)
    RootInUse           another nimbus owns the root folder             (local)
    PortInUse           nimbus cannot listen where it should            (local)
    Exposed             nimbus would be open to strangers               (local)
        HttpPortInUse   neither can its HTTP server                     (local)
    NotLoopback         others could reach what asks for no password    (user)
    BadRequest          an HTTP request that cannot be answered         (user)
    NoSuchLog           no log of that name                             (user)

Where Storm has a text for the case, the message is Storm's, because clients
and their scripts look for it.
"""

from __future__ import annotations

from collections.abc import Sequence


class CompatError(Exception):
    """Base of everything this room raises on purpose."""


class InvalidTopology(CompatError):
    """A submission that cannot be run as it is."""


class InvalidConf(InvalidTopology):
    """A value in the configuration of a submission breaks its key's rules."""


class InvalidJar(InvalidTopology):
    """The uploaded jar is missing, broken or dangerous to unpack."""


class AlreadyAlive(CompatError):
    """A topology of that name runs, or has been killed and is not gone yet."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is already alive")
        self.name = name


class NotAlive(CompatError):
    """There is no topology of that name or id."""

    def __init__(self, message: str) -> None:
        super().__init__(message)

    @classmethod
    def named(cls, name: str) -> NotAlive:
        """Return the error of the calls that take a name."""
        return cls(f"{name} is not alive")


class NoSuchComponent(CompatError):
    """The topology has no component of that id."""

    def __init__(self, component: str) -> None:
        super().__init__(f"Could not find component with id {component}")
        self.component = component


class NoWorker(CompatError):
    """The topology has no worker there, or none that could be started again now."""


class KeyNotFound(CompatError):
    """There is no blob of that key."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class KeyExists(CompatError):
    """There is a blob of that key already."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class InvalidKey(CompatError):
    """No blob can have that key; the first sentence is Storm's."""

    def __init__(self, key: str, rule: str) -> None:
        super().__init__(f"{key} does not appear to be a valid blob key. {rule}")
        self.key = key


class BlobInUse(CompatError):
    """A topology that is alive needs the blob; the texts are Storm's."""

    @classmethod
    def own(cls, key: str, topology_id: str) -> BlobInUse:
        """Return the error for one of a topology's own blobs."""
        return cls(f"Attempting to delete blob {key} from under active topology {topology_id}")

    @classmethod
    def linked(cls, key: str, topology_ids: Sequence[str]) -> BlobInUse:
        """Return the error for a blob in the topology.blobstore.map of some topologies."""
        return cls(f"Attempting to delete active blob {key} used by topology {', '.join(topology_ids)}")


class NotAuthorized(CompatError):
    """The caller may not do that; the texts are Storm's."""


class SessionGone(CompatError):
    """No session of that id is going on; the first sentence is Storm's."""

    def __init__(self, what: str, session: str) -> None:
        super().__init__(f"{what} for session {session} does not exist (or timed out). Begin a new one")
        self.session = session


class InvalidBlobMeta(CompatError):
    """The rights or the number of copies that a client wants for a blob make no sense."""


class InvalidArchive(CompatError):
    """A blob that a topology wants unpacked is broken, or dangerous to unpack."""


class BlobNotKept(CompatError):
    """What a client sends cannot be kept."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"The blob {key} cannot be kept: {reason}; the upload was dropped")
        self.key = key
        self.reason = reason


class UploadGone(CompatError):
    """No upload is going on at that location; the first sentence is Storm's."""

    def __init__(self, location: str) -> None:
        super().__init__(
            "File for that location does not exist (or timed out). "
            f"Ask for a new one with beginFileUpload; it was {location!r}"
        )
        self.location = location


class RootInUse(CompatError):
    """Another nimbus owns the root folder; ``holder`` is what it says about itself."""

    def __init__(self, root: str, holder: str) -> None:
        super().__init__(
            f"{root} belongs to a nimbus that runs already: {holder}. Stop it, or take another root"
        )
        self.root = root
        self.holder = holder


class PortInUse(CompatError):
    """Nimbus cannot listen where it should."""

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(f"cannot listen on {host}:{port}: {reason}")
        self.host = host
        self.port = port


class Exposed(CompatError):
    """Nimbus would ask nobody who he is at an address that other machines may reach."""

    def __init__(self, host: str, port: int, transport: str) -> None:
        super().__init__(
            f"whoever reaches {host}:{port} ({transport}) could run programs here as this user: nobody is "
            "asked for a password there. Listen on 127.0.0.1, let clients sign in (DIGEST-MD5 or TLS), or "
            "say that you want it"
        )
        self.host = host
        self.port = port


class HttpPortInUse(PortInUse):
    """The HTTP server cannot listen where somebody asked it to."""


class NotLoopback(CompatError):
    """What asks nobody for a password would listen where others than this machine can reach it."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"the HTTP server asks nobody for a password, so it listens on this machine only, not on {host}. "
            "Use 127.0.0.1, and reach it from elsewhere through ssh -L or a proxy that asks"
        )
        self.host = host


class BadRequest(CompatError):
    """An HTTP client asks for something that cannot be; the text says what would be right."""


class NoSuchLog(CompatError):
    """There is no log of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no log {name[:200]!r} on this machine")
        self.name = name


class InvalidSetting(CompatError):
    """A log level, or the like, that makes no sense."""


class NotForUs(CompatError):
    """Something that only a JVM, or a worker of Storm's, could do."""

"""What tests of the listener have in common: a listener in this process, an honest sender, and bare sockets."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pydicom
from pynetdicom import AE
from pynetdicom.presentation import build_context
from wire_kit import command, fragment, item, pdu, read_fields, take_pdu

from DICOMModule.database import DicomDatabase
from DICOMModule.network.guard import GuardLimits
from DICOMModule.network.incoming import StorageLimits
from DICOMModule.network.listener import Listener, ListenerLimits, ListenerOptions
from DICOMModule.network.receiving import Patience

VERIFICATION = "1.2.840.10008.1.1"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
TITLE = "DICOMMODULE"
PIECE_BYTES = 60_000

QUICK = ListenerLimits(
    guard=GuardLimits(request_s=1.0, farewell_s=0.5),
    patience=Patience(between_messages_s=3.0, within_message_s=1.0, without_context_s=1.0),
    storage=StorageLimits(free_disk_reserve_bytes=0),
)


@contextmanager
def a_listener(folder, limits=QUICK, **options) -> Iterator[Listener]:
    """Have a listener on a database of its own, on any free port."""
    with (
        DicomDatabase.open(folder) as database,
        Listener(database, ListenerOptions(port=0, **options), limits) as listener,
    ):
        yield listener


@contextmanager
def calling(listener, *, calling_ae="MODALITY", called_ae=TITLE, contexts=None):
    """Have an association of pynetdicom with the listener, established or not."""
    sender = AE(calling_ae)
    sender.acse_timeout = sender.dimse_timeout = sender.network_timeout = 10
    asked = contexts or [build_context(VERIFICATION), build_context(CT_IMAGE, [EXPLICIT])]
    made = sender.associate("127.0.0.1", listener.port, contexts=asked, ae_title=called_ae)
    try:
        yield made
    finally:
        if made.is_established:
            made.release()


# --- by hand


values, answer = fragment, take_pdu


def context(number: int, abstract: str, *syntaxes: str) -> bytes:
    """Return a presentation context that is proposed."""
    inner = item(0x30, abstract.encode()) + b"".join(item(0x40, one.encode()) for one in syntaxes)
    return item(0x20, bytes((number, 0, 0, 0)) + inner)


def request(
    called: bytes = TITLE.encode(),
    calling_ae: bytes = b"MODALITY",
    contexts: bytes | None = None,
    *,
    version: int = 1,
    application: str = "1.2.840.10008.3.1.1.1",
    user: bytes | None = None,
) -> bytes:
    """Return an A-ASSOCIATE-RQ."""
    if contexts is None:
        contexts = context(1, VERIFICATION, IMPLICIT) + context(3, CT_IMAGE, EXPLICIT)
    if user is None:
        user = item(0x51, struct.pack(">L", 16384)) + item(0x52, b"1.2.3")
    body = struct.pack(">HH", version, 0) + called.ljust(16) + calling_ae.ljust(16) + bytes(32)
    body += item(0x10, application.encode()) + contexts + item(0x50, user)
    return pdu(0x01, body)


def store_command(uid: str, sop_class: str = CT_IMAGE, message: int = 1) -> bytes:
    """Return the command set of a C-STORE request."""
    return command(x0002=sop_class, x0100=1, x0110=message, x0700=0, x0800=1, x1000=uid)


@contextmanager
def connected(listener) -> Iterator[socket.socket]:
    """Have a bare connection with the listener."""
    with socket.create_connection(("127.0.0.1", listener.port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


def status_of(body: bytes) -> int:
    """Return the status in the one command of a P-DATA-TF."""
    return int(read_fields(body[6:])[0x0900])


def store(listener, *paths, calling_ae: str = "MODALITY", called_ae: str = TITLE) -> list[int]:
    """Send files as they are, over one association; return their statuses.

    By hand: pynetdicom now and then takes a quick answer for one that nobody waits for, and waits for it until its time is up.
    """
    metas = [pydicom.dcmread(path, stop_before_pixels=True).file_meta for path in paths]
    pairs = [(str(one.MediaStorageSOPClassUID), str(one.TransferSyntaxUID)) for one in metas]
    numbers = {pair: 2 * place + 1 for place, pair in enumerate(dict.fromkeys(pairs))}
    asked = b"".join(context(number, *pair) for pair, number in numbers.items())
    statuses = []
    with connected(listener) as connection:
        connection.sendall(request(called_ae.encode(), calling_ae.encode(), asked))
        assert answer(connection)[0] == 0x02
        for path, meta, pair in zip(paths, metas, pairs, strict=True):
            number, data = numbers[pair], data_set_of(path)
            connection.sendall(values(number, 3, store_command(str(meta.MediaStorageSOPInstanceUID), pair[0])))
            for start in range(0, len(data), PIECE_BYTES):
                is_last = start + PIECE_BYTES >= len(data)
                connection.sendall(values(number, 2 if is_last else 0, data[start : start + PIECE_BYTES]))
            statuses.append(status_of(answer(connection)[1]))
        connection.sendall(b"\x05\0\0\0\0\x04\0\0\0\0")
        assert answer(connection)[0] == 0x06
    return statuses


def data_set_of(path) -> bytes:
    """Return the bytes of a file behind its meta information."""
    content = Path(path).read_bytes()
    return content[144 + int.from_bytes(content[140:144], "little") :]


class Instances:
    """Data sets of small CT images without end, each with a SOP Instance UID of its own; all are of one series."""

    ROOT = "1.2.826.0.1.3680043.8.498.7."

    def __init__(self, folder, name: str, *, side: int = 8) -> None:
        import factories

        (path,) = factories.make_series(folder, name, slices=1, rows=side, columns=side).files
        dataset = pydicom.dcmread(path)
        self._placeholder = self.uid("0" * 20)
        dataset.SOPInstanceUID = self._placeholder
        dataset.file_meta.MediaStorageSOPInstanceUID = self._placeholder
        dataset.save_as(path)
        whole = path.read_bytes()
        (length,) = struct.unpack_from("<L", whole, 140)
        self._template = whole[144 + length :]
        self._first = int.from_bytes(name.encode()[:4].ljust(4), "big") * 10**9
        self._next = 0

    @classmethod
    def uid(cls, digits: str) -> str:
        """Return a UID that ends with 20 digits."""
        return f"{cls.ROOT}1{digits}"

    def another(self) -> tuple[str, bytes]:
        """Return a new UID and its data set."""
        self._next += 1
        uid = self.uid(f"{self._first + self._next:020d}")
        return uid, self._template.replace(self._placeholder.encode(), uid.encode())


class Sender:
    """An association by hand, on which instances are sent one after the other."""

    def __init__(self, port: int, calling_ae: str = "MODALITY", timeout_s: float = 30.0) -> None:
        self.connection = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.connection.sendall(request(calling_ae=calling_ae.encode()))
        told = answer(self.connection)
        self.is_accepted = told is not None and told[0] == 0x02

    def __enter__(self):
        return self

    def __exit__(self, *_exception) -> None:
        self.connection.close()

    def store(self, uid: str, data_set: bytes) -> int | None:
        """Send an instance; return its status, or None where the connection ended."""
        try:
            self.connection.sendall(values(3, 3, store_command(uid)) + values(3, 2, data_set))
            told = answer(self.connection)
        except OSError:
            return None
        return status_of(told[1]) if told is not None and told[0] == 0x04 else None

    def release(self) -> None:
        """End the association in order."""
        try:
            self.connection.sendall(b"\x05\0\0\0\0\x04\0\0\0\0")
            answer(self.connection)
        except OSError:
            pass

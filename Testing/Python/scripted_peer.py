"""Peers that misbehave on purpose: pynetdicom's with handlers of a test, and sockets that say what a test wants."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager, suppress

from pydicom.dataset import Dataset
from pydicom.uid import AllTransferSyntaxes
from pynetdicom import AE
from wire_kit import command, fragment, item, pdu, read_fields, take_pdu

from DICOMModule.database.servers import ServerEntry
from DICOMModule.network.reaching import Limits

SHORT = Limits(connect_s=2.0, association_s=2.0, answer_s=1.0, silence_s=1.0, fetch_s=1.0)
VERIFICATION = "1.2.840.10008.1.1"
STUDY_FIND, STUDY_MOVE, STUDY_GET = (f"1.2.840.10008.5.1.4.1.2.2.{number}" for number in (1, 2, 3))


@contextmanager
def scripted(classes, handlers=(), title="PEER", syntaxes=None, storage=(), **options):
    """Run a peer whose handlers a test gives; give its port. `storage`: classes that it sends by C-GET."""
    ae = AE(title)
    ae.acse_timeout, ae.dimse_timeout, ae.network_timeout = 1.0, 5.0, 5.0
    for uid in classes:
        ae.add_supported_context(uid, syntaxes or ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"])
    for uid in storage:
        ae.add_supported_context(uid, AllTransferSyntaxes, scu_role=True, scp_role=True)
    for name, value in options.items():
        setattr(ae, name, value)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=list(handlers))
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()


@contextmanager
def raw_peer(serve):
    """Have `serve(connection)` speak with each that connects, in a thread of its own; give the port."""
    threads, held = [], []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                held.append(connection)
                threads.append(threading.Thread(target=guarded, args=(connection,)))
                threads[-1].start()

        def guarded(connection):
            with suppress(OSError):  # whoever connected has gone
                serve(connection)

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
            acceptor.join()
            for connection in held:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
                connection.close()
            for thread in threads:
                thread.join()


def entry_of(port, name="peer", **fields):
    values = {"host": "127.0.0.1", "port": port, "ae_title": "PEER", "calling_ae": "DICOMMODULE"}
    return ServerEntry(name, **{**values, **fields})


def dataset(**values):
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def accept(connection, maximum=16384, refused=()):
    """Accept an association as it is proposed, each context with its first transfer syntax, in both roles; return its contexts.

    Abstract syntaxes and first transfer syntaxes that are `refused` are not supported. Put together by hand from PS3.8 9.3.3, apart from the package.
    """
    asked = take_pdu(connection)
    if asked is None:  # whoever connected only looked whether anybody is there
        return {}
    body = asked[1]
    contexts, items, roles, position = {}, b"", b"", 68
    while position < len(body):
        kind, length = body[position], int.from_bytes(body[position + 2 : position + 4], "big")
        value = body[position + 4 : position + 4 + length]
        if kind == 0x20:
            number, place, found = value[0], 4, []
            while place < len(value):
                size = int.from_bytes(value[place + 2 : place + 4], "big")
                found.append(value[place + 4 : place + 4 + size])
                place += 4 + size
            is_refused = not {one.decode() for one in found[:2]}.isdisjoint(refused)
            if not is_refused:
                contexts[number] = found[0].decode(), found[1].decode()
            items += item(0x21, bytes((number, 0, 3 if is_refused else 0, 0)) + item(0x40, found[1]))
        elif kind == 0x50:
            place = 0
            while place < len(value):
                size = int.from_bytes(value[place + 2 : place + 4], "big")
                roles += value[place : place + 4 + size] if value[place] == 0x54 else b""
                place += 4 + size
        position += 4 + length
    user = item(0x51, maximum.to_bytes(4, "big")) + item(0x52, b"1.2.3.4") + roles
    reply = body[:68] + item(0x10, b"1.2.840.10008.3.1.1.1") + items + item(0x50, user)
    connection.sendall(pdu(2, reply))
    return contexts


def find_answer(context_id, data=None, status=0xFF00):
    """Return a C-FIND-RSP, with an identifier or without."""
    said = command(e0100=0x8020, e0120=1, e0800=1 if data is not None else 0x0101, e0900=status)
    return fragment(context_id, 3, said) + (fragment(context_id, 2, data) if data is not None else b"")


def messages(connection):
    """Return the messages that come: context, command as numbers and texts by element, data set; until the association ends."""
    said, data = b"", b""
    while (found := take_pdu(connection)) is not None:
        kind, body = found
        if kind == 5:
            connection.sendall(b"\6\0\0\0\0\4\0\0\0\0")
            return
        if kind != 4:
            return
        context_id, flags, piece = body[4], body[5], body[6:]
        if flags & 1:
            said += piece
        else:
            data += piece
        if flags & 2:
            fields = read_fields(said)
            if not flags & 1 or fields[0x0800] == 0x0101:
                yield context_id, fields, data
                said, data = b"", b""

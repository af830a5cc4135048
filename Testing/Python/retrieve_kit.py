"""What tests of retrieval have in common: an archive of one series that misbehaves as a test wants, and asking it."""

from __future__ import annotations

from contextlib import contextmanager

from dicom_bytes import element
from factories import make_series, uid
from scripted_peer import SHORT, STUDY_MOVE, accept, command, entry_of, fragment, messages, raw_peer

from DICOMModule.dicom.header_reader import read_header
from DICOMModule.jobs import run_to_end
from DICOMModule.network.retrieve_plan import RetrieveKey
from DICOMModule.network.retrieving import retrieve_keys_job

CT = "1.2.840.10008.5.1.4.1.1.2"
STUDY, SERIES = uid("s", "study"), uid("s", "series")


def made_series(folder):
    """Make a series of three instances; return UID → data set as it goes over the network."""
    series = make_series(folder, "s", slices=3)
    found = {}
    for path in series.files:
        header = read_header(path)
        found[header.sop_instance_uid] = path.read_bytes()[header.dataset_offset :]
    return found


class Archive:
    """A peer with a series; tests change what it says and does."""

    def __init__(self, made):
        self.held = dict(made)
        self.listed = list(made)
        self.kinds = dict.fromkeys(made, (CT, "1.2.840.10008.1.2.1"))  # SOP class and transfer syntax of each
        self.counted = 99  # completed sub-operations, as it tells them; None: as they are
        self.asked = 0  # how often something was to be got
        self.associations = []  # contexts of each in which something was got
        self.sends = None  # UIDs that it sends, whatever is asked for
        self.refused = {STUDY_MOVE}
        self.knows_lists = True
        self.status = self.of_lists = 0x0000
        self.answers = []
        self.lists_badly = lambda found, _is_series: (found, 0x0000)  # answers and status of a listing
        self.before_answer = self.between_pieces = lambda _connection: None
        self.piece = 16000

    def serve(self, connection):
        contexts = accept(connection, refused=self.refused)
        for context_id, fields, data in messages(connection):
            if fields[0x0100] == 0x0020:
                self.find(connection, context_id, fields, data)
            elif fields[0x0100] == 0x0010:
                self.get(connection, contexts, context_id, fields, data)
            elif fields[0x0100] == 0x8001:
                self.answers.append((fields[0x1000], fields[0x0900]))

    def find(self, connection, context_id, fields, data):
        is_series = b"SERIES" in data
        found = [element(0x0020000E, "UI", SERIES)]
        if not is_series:
            found = [element(0x00080016, "UI", CT) + element(0x00080018, "UI", one) for one in self.listed]
        found, status = self.lists_badly(found, is_series)
        for answer in found:
            said = command(e0100=0x8020, e0120=fields[0x0110], e0800=1, e0900=0xFF00)
            connection.sendall(fragment(context_id, 3, said) + fragment(context_id, 2, answer))
        said = command(e0100=0x8020, e0120=fields[0x0110], e0800=0x0101, e0900=status)
        connection.sendall(fragment(context_id, 3, said))

    def get(self, connection, contexts, context_id, fields, data):
        asked, status = [one for one in self.held if one.encode() in data], self.status
        if b"IMAGE" not in data:
            asked = list(self.held)
        elif len(asked) > 1 and not self.knows_lists:
            asked, status = [], self.of_lists
        self.asked += 1
        if not any(one is contexts for one in self.associations):
            self.associations.append(contexts)
        place = {kind: number for number, kind in contexts.items()}
        sent = failed = 0
        for number, one in enumerate(asked if self.sends is None else self.sends):
            sop_class, syntax = self.kinds.get(one, (CT, "1.2.840.10008.1.2.1"))
            storing = place.get((sop_class, syntax))
            if storing is None:
                failed += 1
                continue
            sent += 1
            if not self.send(connection, storing, number + 1, one):
                return  # whoever asked has gone
        self.before_answer(connection)
        status = 0xB000 if failed and not status else status
        sent = sent if self.counted is None else self.counted
        said = command(e0100=0x8010, e0120=fields[0x0110], e0800=0x0101, e0900=status, e1021=sent, e1022=failed)
        connection.sendall(fragment(context_id, 3, said))

    def send(self, connection, storing, number, one):
        """Send an instance by a context; return whether it was answered."""
        sop_class, _ = self.kinds.get(one, (CT, "1.2.840.10008.1.2.1"))
        said = command(e0002=sop_class, e0100=1, e0110=number, e0700=0, e0800=1, e1000=one)
        content = self.held[one]
        connection.sendall(fragment(storing, 3, said))
        for start in range(0, max(len(content), 1), self.piece):
            last = 2 if start + self.piece >= len(content) else 0
            connection.sendall(fragment(storing, last, content[start : start + self.piece]))
            self.between_pieces(connection)
        for _, answer, _ in messages(connection):
            if answer[0x0100] == 0x8001:
                self.answers.append((answer[0x1000], answer[0x0900]))
                return True
        return False


@contextmanager
def running(archive):
    with raw_peer(archive.serve) as port:
        yield entry_of(port)


def last_of(job):
    """Run a job; return its last progress, and its report."""
    try:
        while True:
            progress = next(job)
    except StopIteration as stop:
        return progress, stop.value


def got(database, entry, *keys):
    return run_to_end(retrieve_keys_job(database, entry, keys or [RetrieveKey(STUDY)], limits=SHORT))

"""A child process that reads headers, a batch of files at a time, and how a batch is put into a message.

The parent has another core's worth of work with rows. What a child replies is what `HeaderReader` found: attributes that
many files share go over once, under a number, and then only what differs from them.
"""

from __future__ import annotations

import os
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from DICOMModule import errors
from DICOMModule.dicom.byte_source import open_source
from DICOMModule.dicom.child_messages import Message, read_message, write_message
from DICOMModule.dicom.functional_groups import FunctionalGroups
from DICOMModule.dicom.header_series import HeaderReader
from DICOMModule.dicom.instance_header import AttributeValue, InstanceHeader, Likenesses, SharedAttributes
from DICOMModule.errors import DicomFileError, InvalidFileError

PROGRAM = "from DICOMModule.dicom.header_child import main; main()"


class BatchWriter:
    """Turns headers into messages; of the same origin only the first message holds its attributes."""

    def __init__(self) -> None:
        self._reader = HeaderReader()
        self._sent: dict[int, dict[str, AttributeValue]] = {}  # kept, so that no other one gets the same address

    def reply_to(self, message: Message) -> Message:
        """Return the headers and errors of the files that `message` names, in order."""
        new: dict[int, dict[str, AttributeValue]] = {}
        return {"files": [self._row(name, new) for name in message["paths"]], "origins": list(new.items())}

    def _row(self, name: str, new: dict[int, dict[str, AttributeValue]]) -> list[Any]:
        try:
            with open_source(name) as source:
                header = self._reader.read_source(source)
        except DicomFileError as error:
            return [type(error).__name__, error.path, error.reason]
        except (MemoryError, RecursionError) as error:
            return ["InvalidFileError", name, f"reading its header takes more than there is ({type(error).__name__})."]
        origin = 0
        changed: Mapping[str, AttributeValue | None] = header.attributes
        if isinstance(header.attributes, SharedAttributes):
            origin, changed = id(header.attributes.origin), header.attributes.changed
            if origin not in self._sent:
                self._sent[origin] = new[origin] = header.attributes.origin
        return [
            origin,
            changed,
            header.size_bytes,
            header.mtime_ns,
            header.transfer_syntax_uid,
            header.dataset_offset,
            header.pixel_data_offset,
            header.pixel_data_bytes,
            header.notes,
            header.changed_ns,
            b64encode(header.functional_groups.packed).decode("ascii") if header.functional_groups else None,
        ]


class BatchReader:
    """Turns the messages of one child back into headers."""

    def __init__(self) -> None:
        self._origins: dict[int, Likenesses] = {}

    def learn(self, reply: Message) -> None:
        """Take what a reply says for the first time; to be called with replies in their order."""
        self._origins.update((number, Likenesses(_with_tuples(origin))) for number, origin in reply["origins"])

    def headers_of(self, paths: Sequence[str], reply: Message) -> Iterator[InstanceHeader | DicomFileError]:
        """Return the headers and errors of `paths`, in order; the reply and those before it must have been learned."""
        for path, row in zip(paths, reply["files"], strict=True):
            if isinstance(row[0], str):
                kind = getattr(errors, row[0], InvalidFileError)
                yield kind(row[1], row[2])
                continue
            number, changed, size, mtime, syntax, dataset, pixels, pixel_bytes, notes, changed_ns, packed = row
            shared = attributes = _with_tuples(changed)
            if number:
                alike = self._origins[number]
                shared = SharedAttributes(alike.origin, attributes, alike.of(attributes))
            groups = FunctionalGroups(b64decode(packed)) if packed else None
            said = tuple(notes) if notes else ()
            yield InstanceHeader(
                path, size, mtime, syntax, shared, dataset, pixels, pixel_bytes, said, changed_ns, groups
            )


def _with_tuples(values: dict[str, Any]) -> dict[str, Any]:
    """Return values as they were before JSON made lists of tuples; changes `values`."""
    for keyword, value in values.items():
        if type(value) is list:
            values[keyword] = tuple(value)
    return values


def main() -> None:
    """Answer requests, ``{paths}``, until the parent goes."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    batches = BatchWriter()
    try:
        while True:
            write_message(replies, batches.reply_to(read_message(requests)))
    except (EOFError, OSError):
        sys.exit(0)

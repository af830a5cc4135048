"""Reading the headers of many files: those that are built like files before them are recognised, not walked.

What comes out is what `read_header` gives, file by file, errors included; only the time differs. See `layout`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from DICOMModule.dicom.byte_source import FileSource, open_source
from DICOMModule.dicom.derived_attributes import csa_attributes, depends_on_others, is_looked_into, needs_more
from DICOMModule.dicom.encoding import ORDERS, PRIVATE_MARK, Wanted, creator_of, is_private_value, owner_of
from DICOMModule.dicom.header_reader import Parsed, parse
from DICOMModule.dicom.header_values import attributes_of, creators_of, has_twins, private_keyword
from DICOMModule.dicom.instance_header import AttributeValue, InstanceHeader, Likenesses, SharedAttributes
from DICOMModule.dicom.layout import LARGEST_BYTES, META_INSTANCE, Layout, Sample, needed_bytes, sample_of
from DICOMModule.dicom.structure import FIRST_READ_BYTES, walk
from DICOMModule.dicom.structure_found import Marks, Structure, StructureError
from DICOMModule.dicom.uids import is_valid_uid
from DICOMModule.dicom.vendor_attributes import CONDITIONAL_PLACES, CSA_IMAGE, NESTED, PRIVATE_PLACES

MOST_PATTERNS: Final = 4
TRIES_FREE: Final = 24
HITS_A_TRY: Final = 4
MISSES_A_ROUND: Final = 64
_UIDS: Final = frozenset(("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"))
_TEXTS: Final = frozenset(b"AE AS CS DA DS DT IS LO LT PN SH ST TM UC UI UR UT".split())
_CONTEXT: Final = (("SpecificCharacterSet", b"CS"), ("PixelRepresentation", b"US"))


@dataclass(slots=True)
class _Walked:
    """A file that was walked, and what another like it is compared with."""

    parsed: Parsed
    sample: Sample


class _Pattern:
    """A layout with the values of one file that has it, its origin."""

    def __init__(self, walked: _Walked, layout: Layout) -> None:
        self.layout = layout
        self.hits = 0
        header, sample, structure = walked.parsed.header, walked.sample, walked.parsed.structure
        self._encoding = walked.parsed.encoding
        self._syntax = header.transfer_syntax_uid
        self._structure = structure
        self._alike = Likenesses(dict(header.attributes))
        self._raw = {top.key: sample.value(top) for top in sample.tops if top.key is not None}
        self._rest = {key: value for key, (_, value) in structure.values.items() if key not in self._raw}
        in_layout = {int.from_bytes(top.head[:4], "little") for top in sample.tops}
        counted = {ORDERS[True].wanted[tag][0] for tag in in_layout if tag in ORDERS[True].wanted}
        counted |= {ORDERS[True].placed[tag] for tag in in_layout if tag in ORDERS[True].placed}
        self._rest_items = {keyword: count for keyword, count in structure.items.items() if keyword not in counted}
        self._rest_lasts = structure.lasts.difference(*(ORDERS[True].lasts.get(tag, ()) for tag in in_layout))
        self._offset_without_uid = header.dataset_offset - len(self._raw.get(META_INSTANCE, b""))
        # what other values are read by: of these, whoever walks a file takes care
        self._meddling = frozenset(key for key in structure.values if key in _CONTEXT or _is_creator(key[0]))
        self._creators = creators_of(structure.values)
        self._texts = frozenset(
            key for key, (vr, _) in structure.values.items() if (vr or key[1]) in _TEXTS and key[0][0] != PRIVATE_MARK
        )
        self._pixel_head, first = b"", structure.pixel_offset - sample.end
        if structure.pixel_bytes > 0 and structure.pixel_offset + structure.pixel_bytes == header.size_bytes:
            self._pixel_head = sample.window[sample.end : structure.pixel_offset - 4]
        self._pixel_first = first

    def read(self, source: FileSource, window: bytes) -> InstanceHeader | None:
        """Return the header of a file that begins with `window`; None where it has to be walked."""
        found = self.layout.match(window)
        if found is None:
            return None
        end, values = found
        raw = self._raw
        changed = {key: value for key, value in zip(self.layout.keys, values, strict=True) if raw[key] != value}
        rest = self._read_rest(source, end, window, changed)
        uid_bytes = changed.pop(META_INSTANCE, raw.get(META_INSTANCE, b""))
        attributes = None if rest is None else self._attributes(changed)
        if rest is None or attributes is None or not _is_one_uid(uid_bytes, attributes):
            return None
        if "SeriesInstanceUID" in attributes.changed:
            raw.update(changed)
            self._rest.update((key, value) for key, value in changed.items() if key in self._rest)
            self._alike = Likenesses(dict(attributes))
            attributes = SharedAttributes(self._alike.origin, {}, self._alike.of({}))
        self.hits += 1
        offset = self._offset_without_uid + len(uid_bytes)
        return InstanceHeader(
            source.name,
            source.size,
            source.mtime_ns,
            self._syntax,
            attributes,
            offset,
            *rest,
            changed_ns=source.changed_ns,
        )

    def _read_rest(
        self, source: FileSource, end: int, window: bytes, changed: dict[Wanted, bytes]
    ) -> tuple[int, int] | None:
        """Return where the pixel data are and how long, and add what has changed behind the layout; None to be walked."""
        head, first = self._pixel_head, end + self._pixel_first
        if head and window[end : first - 4] == head:
            length = int.from_bytes(window[first - 4 : first], "little")
            if length == source.size - first:
                return first, length
        if self._encoding is None:
            return None
        try:
            found = walk(source, end, self._encoding, window)
        except StructureError:
            return None  # whoever walks the whole of it says what is wrong
        if any(key in NESTED or key[0] == PRIVATE_MARK for key in found.ranges):
            return None
        same = found.pixel_keyword == self._structure.pixel_keyword and found.values.keys() == self._rest.keys()
        if not same or (found.items, found.lasts) != (self._rest_items, self._rest_lasts):
            return None
        changed.update((key, value) for key, (_, value) in found.values.items() if value != self._rest[key])
        return found.pixel_offset, found.pixel_bytes

    def _attributes(self, changed: dict[Wanted, bytes]) -> SharedAttributes | None:
        """Return the attributes with what has changed; None where a change concerns more than itself."""
        if not self._meddling.isdisjoint(changed):
            return None
        new: dict[str, AttributeValue | None] = {}
        others: dict[Wanted, bytes] = {}
        texts = self._texts
        for key, value in changed.items():
            if key in texts and value.isascii() and b"\x1b" not in value:
                new[key[0]] = value.rstrip(b" \0").decode("ascii") or None
            else:
                others[key] = value
        conditional = [key for key in others if self._is_conditional(key[0])]
        for key in conditional:  # its content counts only where the header lacks something, which is looked at below
            del others[key]
        if others and not self._decode(others, new):
            return None
        for keyword in _UIDS:
            if keyword in new and not is_valid_uid(str(new[keyword] or "")):
                return None
        attributes = SharedAttributes(self._alike.origin, new, self._alike.of(new))
        if needs_more(attributes, new) or (conditional and is_looked_into(attributes)):
            return None
        return attributes

    def _decode(self, changed: dict[Wanted, bytes], new: dict[str, AttributeValue | None]) -> bool:
        """Add values of which VR, character set, the pixels' sign or a creator must be known; False to be walked."""
        values = self._structure.values
        known = {key: value for key, value in values.items() if key in self._meddling}
        keywords = []
        for key, value in changed.items():
            if key in values:
                known[key] = values[key][0], value
                keywords.append(self._keyword(key[0]))
            elif self._owner(key[0]) == CSA_IMAGE:
                new.update(csa_attributes(value))
            elif key[0][0] != PRIVATE_MARK or self._owner(key[0]) in PRIVATE_PLACES:
                return False
        decoded = attributes_of(Structure(known), little=True)
        new.update((keyword, decoded.get(keyword)) for keyword in keywords if keyword)
        return True

    def _keyword(self, key: str) -> str:
        return private_keyword(key, self._creators.get(creator_of(key), "")) if key[0] == PRIVATE_MARK else key

    def _is_conditional(self, key: str) -> bool:
        return key[0] == PRIVATE_MARK and self._owner(key) in CONDITIONAL_PLACES

    def _owner(self, key: str) -> tuple[int, str, int]:
        return owner_of(key, self._creators.get(creator_of(key), ""))


def _is_creator(key: str) -> bool:
    return key[0] == PRIVATE_MARK and not is_private_value(key)


def _is_one_uid(in_meta: bytes, attributes: SharedAttributes) -> bool:
    """Return whether file meta information and data set name the same instance, or the former none."""
    uid = in_meta.rstrip(b"\0 ")
    return not uid or uid == str(attributes.get("SOPInstanceUID", "")).encode()


class HeaderReader:
    """Reads one header after another; used by one thread at a time."""

    def __init__(self) -> None:
        self._patterns: list[_Pattern] = []
        self._last: _Walked | None = None
        self._first_read = FIRST_READ_BYTES
        self._tries = 0
        self._hits = 0
        self._misses = 0

    def read(self, path: Path | str) -> InstanceHeader:
        """Read the header of a file, its path absolute, as `read_header` does; errors as there.

        The attributes of files that are built alike are `SharedAttributes` of one origin.
        """
        with open_source(path) as source:
            return self.read_source(source)

    def read_source(self, source: FileSource) -> InstanceHeader:
        """Read the header of an open file."""
        window = source.read(0, self._first_read)
        for number, pattern in enumerate(self._patterns):
            header = pattern.read(source, window)
            if header is not None:
                self._hits += 1
                if number:
                    self._patterns.insert(0, self._patterns.pop(number))
                return header
        return self._walk(source, window)

    def _walk(self, source: FileSource, window: bytes) -> InstanceHeader:
        marks = Marks()
        parsed = parse(source, window, marks)
        self._misses += 1
        # what is learned must pay: where hardly two files are alike it is tried now and then, not always
        if self._tries < TRIES_FREE + self._hits // HITS_A_TRY or self._misses % MISSES_A_ROUND < 3:
            self._tries += 1
            self._learn(parsed, window, marks)
        return parsed.header

    def _learn(self, parsed: Parsed, window: bytes, marks: Marks) -> None:
        meta, encoding = parsed.meta, parsed.encoding
        header = parsed.header
        if depends_on_others(header.attributes) or has_twins(parsed.structure.values):
            return
        is_clean = meta.marked and not header.notes and encoding is not None and encoding.little
        if not is_clean or encoding is None or not meta.places or header.functional_groups is not None:
            return
        if len(window) == self._first_read < LARGEST_BYTES:
            self._first_read = max(self._first_read, needed_bytes(marks))
        sample = sample_of(window, meta.dataset_offset, meta.places, marks, explicit=encoding.explicit)
        if sample is None:
            return
        walked = _Walked(parsed, sample)
        for pattern in self._patterns:
            if pattern.layout.sample.is_built_like(sample):
                self._patterns.remove(pattern)
                self._remember(walked, pattern.layout.widened(sample))
                return
        if self._last is not None and self._last.sample.is_built_like(sample):
            self._remember(walked, Layout(self._last.sample).widened(sample))
        self._last = walked

    def _remember(self, walked: _Walked, layout: Layout) -> None:
        self._patterns.insert(0, _Pattern(walked, layout))
        del self._patterns[MOST_PATTERNS:]

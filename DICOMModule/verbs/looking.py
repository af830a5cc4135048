"""Verbs that look at what there is: tags, headers, loadables, pictures, paths."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from DICOMModule.errors import Problem
from DICOMModule.verbs.base import LogicBase

if TYPE_CHECKING:
    from DICOMModule.database.thumbnails import Thumbnail
    from DICOMModule.dicom.instance_header import InstanceHeader
    from DICOMModule.dicom.pictures import Picture
    from DICOMModule.dicom.tag_comparison import ComparedElement
    from DICOMModule.dicom.tag_list import TagElement, TagRow
    from DICOMModule.jobs import Job
    from DICOMModule.previews import PreviewFrame
    from DICOMModule.readers.loadable import Loadable
    from DICOMModule.verbs.varying import VaryingReport


class LookingVerbs(LogicBase):
    """Tags, headers, examine, paths, thumbnails and previews."""

    def tags(self, target: str, search: str = "") -> list[TagRow]:
        """Return the data elements of a file, or of an instance of the database (of a series: its first)."""
        from DICOMModule.dicom.tag_list import read_tags, search_tags

        rows = read_tags(self.targets.first_file(target))
        return search_tags(rows, search) if search else rows

    def tag_tree(self, target: str) -> tuple[TagElement, ...]:
        """Return the same as a tree: sequences with their items."""
        from DICOMModule.dicom.tag_list import read_tag_tree

        return read_tag_tree(self.targets.first_file(target))

    def compare_tags(self, first: str, second: str) -> tuple[ComparedElement, ...]:
        """Return the data elements of two files or instances side by side, and which of them differ.

        They are named as for `tags`. Binary values, pixel data too, are compared by their content.
        """
        from DICOMModule.dicom.tag_comparison import WHOLE, compare_elements
        from DICOMModule.dicom.tag_list import read_tag_tree

        one, other = (read_tag_tree(self.targets.first_file(target), WHOLE) for target in (first, second))
        return compare_elements(one, other)

    def varying_tags_job(self, target: str) -> Job[VaryingReport]:
        """Say which data elements differ between the instances of a patient, study, series or folder, read from the files.

        An instance that cannot be read is a problem of the report, and left out of it.

        Raises
        ------
        UnknownUIDError, NoImageError
            The target names nothing.
        """
        from DICOMModule.verbs.varying import varying_tags_job

        return varying_tags_job(self.targets, self.database, target)

    def headers(self, target: str) -> tuple[list[InstanceHeader], list[Problem]]:
        """Return the headers of a UID, a patient, a file or a folder, and what of it cannot be used; see `Targets`."""
        return self.targets.headers(target)

    def examine(self, target: str) -> tuple[list[Loadable], list[Problem]]:
        """Return what can be loaded from a UID, a file or a folder; no pixel is read."""
        from DICOMModule.readers import examine

        headers, problems = self.headers(target)
        readings = self.targets.readings(target, headers)
        return examine(readings.headers, joined=readings.joined, chosen=readings.chosen), problems

    def series_of(self, target: str) -> tuple[str, ...]:
        """Return the UIDs of the series of a patient, study, series or instance of the database."""
        return tuple(self.targets.series_of(target))

    def paths_of(self, targets: Sequence[str]) -> tuple[Path, ...]:
        """Return where the files of patients, studies, series and instances of the database are, each once, absolute."""
        from DICOMModule.targets import name_of

        return tuple(dict.fromkeys(path for target in targets for path in self.database().paths(name_of(target))))

    def thumbnail(self, series_instance_uid: str) -> Thumbnail:
        """Return the small picture of a series, or why there is none; it may be made now, which takes a while."""
        from DICOMModule.previews import make_thumbnail

        return make_thumbnail(self.database(), series_instance_uid)

    def preview_frames(self, targets: Sequence[str]) -> tuple[PreviewFrame, ...]:
        """Return what a preview of patients, studies, series or instances scrolls through; no file is opened."""
        from DICOMModule.previews import preview_frames
        from DICOMModule.targets import name_of

        return preview_frames(self.database(), [name_of(target) for target in targets])

    def preview_picture(self, frame: PreviewFrame, longest_px: int | None = None) -> Picture:
        """Return the picture of one of `preview_frames`, 8 bits, grey or RGB, with square pixels if `longest_px` is given.

        Raises
        ------
        DicomFileError
            The file has gone or changed, or cannot be decoded.
        """
        from DICOMModule.dicom.decoding import decode_picture

        return decode_picture(frame.header, frame.frame, longest_px)

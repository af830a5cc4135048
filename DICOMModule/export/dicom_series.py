"""A volume becomes a DICOM series: one image a slice, derived, referenced to its source, and proved by reading again.

CT values are stored as CT Images with a rescale to their units. Values of other kinds become MR Images: whole numbers
without a rescale where 16 bits hold them, else with Rescale Slope and Intercept (a Standard Extended SOP Class, read by
everything) **and** the same as Real World Value Mapping (the standard's own way): whoever knows either gets the values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from DICOMModule.dicom.dataset_reader import read_dataset
from DICOMModule.dicom.instance_header import InstanceHeader
from DICOMModule.dicom.uids import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, new_uid
from DICOMModule.errors import ExportError
from DICOMModule.export.atomic import atomic_file, sync_folder, translated
from DICOMModule.export.header_texts import settle_character_set
from DICOMModule.export.image_pixels import pixel_attributes, set_pixels, window_attributes
from DICOMModule.export.image_plane import check_plane, plane_attributes, position
from DICOMModule.export.options import TRANSFER_SYNTAXES, ExportOptions
from DICOMModule.export.proof import prove_job
from DICOMModule.export.quantise import quantise, slices_of
from DICOMModule.export.references import add_references, nearest_sources, sources_by_slice
from DICOMModule.export.series_header import SOP_CLASSES, SeriesHeader, series_header
from DICOMModule.jobs import Job, Progress
from DICOMModule.volume.volume import Volume

LATER = {
    "PT": "PET Images come with a later version; .nrrd or .nii.gz keep the values",
    "SEG": "segmentations come with a later version",
    "RTDOSE": "doses come with a later version",
}


@dataclass(frozen=True, slots=True)
class WrittenSeries:
    """A series on disk that was read again and found to say what the volume says.

    Attributes
    ----------
    series_instance_uid, study_instance_uid, sop_class_uid : str
        Of the new series.
    sop_instance_uids : tuple of str
        In the order of the slices.
    paths : tuple of Path
        The files, in the same order.
    max_abs_error : float
        Largest difference between a valid voxel and what its file says, in the volume's units.
    error_bound : float
        What it may be.
    max_position_error_mm : float
        Largest distance between a corner of a slice and what its file says.
    warnings : tuple of str
        What a reader of the series should know.
    """

    series_instance_uid: str
    study_instance_uid: str
    sop_class_uid: str
    sop_instance_uids: tuple[str, ...]
    paths: tuple[Path, ...]
    max_abs_error: float
    error_bound: float
    max_position_error_mm: float
    warnings: tuple[str, ...]


def export_series_job(
    volume: Volume, template: Sequence[InstanceHeader], options: ExportOptions, folder: Path
) -> Job[WrittenSeries]:
    """Write `volume` as a series of single-frame images into `folder` and prove it by reading it again.

    Parameters
    ----------
    volume : Volume
        Missing slices are not written; padding is stored as Pixel Padding Value.
    template : sequence of InstanceHeader
        The series whose patient, study, frame of reference and acquisition the new one takes; its files are read. Empty
        only for a new study.
    options : ExportOptions
        See there.
    folder : Path
        Is made if need be; nothing in it is replaced. After an error or a cancel nothing of ours is left in it.

    Raises
    ------
    ExportError
        The values, the grid or the modality cannot be written as CT or MR Images, or the files do not read back.
    DiskFullError
        The disk has no room.
    DicomFileError
        A file of the template has gone or is damaged.
    """
    modality = check_series(volume, template, options)
    return _export_job(volume, template, options, folder, modality)


def check_series(volume: Volume, template: Sequence[InstanceHeader], options: ExportOptions) -> str:
    """Check before the work what `export_series_job` would refuse, and return the modality of the images it would write.

    Raises
    ------
    ExportError
        The values, the grid, the patient or the modality do not allow it.
    """
    modality = _modality(volume, template, options)
    _check(volume, template, options)
    return modality


def _modality(volume: Volume, template: Sequence[InstanceHeader], options: ExportOptions) -> str:
    """Return which kind of image is written.

    Raises
    ------
    ExportError
        It is neither CT nor MR.
    """
    of_template = template[0].text("Modality") if template else ""
    modality = (options.modality or volume.modality or of_template).strip().upper()
    if modality in SOP_CLASSES:
        return modality
    if not modality:
        raise ExportError("it is not known what modality these values are of; say --modality CT or MR.")
    later = LATER.get(modality, "images of other modalities come with a later version")
    raise ExportError(f"values of modality {modality} cannot be exported yet: {later}. CT and MR can.")


def _check(volume: Volume, template: Sequence[InstanceHeader], options: ExportOptions) -> None:
    if not template and not options.new_study:
        raise ExportError("there is no series to take patient and study from; name one with --like.")
    if options.new_study and not options.patient_id:
        raise ExportError("a new study needs a patient ID (--patient-id).")
    for attribute in ("study_instance_uid", "series_instance_uid"):
        if len({getattr(header, attribute) for header in template}) > 1:
            raise ExportError("the series to take after is not one series; name one with --like.")
    if volume.source is not None and template and not options.new_study:
        _check_patient(volume.source, template[0])
    if options.transfer_syntax_uid not in TRANSFER_SYNTAXES:
        known = ", ".join(f"{uid} ({name})" for uid, name in TRANSFER_SYNTAXES.items())
        raise ExportError(f"images cannot be written in {options.transfer_syntax_uid!r}; they can in {known}.")
    if volume.components > 1:
        raise ExportError("the values are colours; volumes in colour are not written as DICOM.")
    if not volume.placed or not volume.calibrated:
        raise ExportError("the images have no known place or size in the patient, which CT and MR Images must state.")
    if max(volume.array.shape[1:]) > 65535:
        raise ExportError("DICOM counts at most 65535 rows and columns.")
    check_plane(volume)


def _check_patient(source: InstanceHeader, template: InstanceHeader) -> None:
    """Check that values do not get into the study of another patient.

    Raises
    ------
    ExportError
        The patient IDs differ, or, where neither image has one, the names.
    """
    for keyword in ("PatientID", "PatientName"):
        theirs, ours = source.text(keyword).strip(), template.text(keyword).strip()
        if theirs and ours and theirs != ours:
            raise ExportError(
                "the values come from another patient than the study they are meant for; choose a study of the same"
                " patient, or make a new one (--new-study)."
            )
        if theirs and ours:
            return


def _export_job(
    volume: Volume, template: Sequence[InstanceHeader], options: ExportOptions, folder: Path, modality: str
) -> Job[WrittenSeries]:
    sources: list[Dataset] = []
    for number, header in enumerate(template):
        yield Progress(number, len(template), "reading the source's headers")
        sources.append(read_dataset(header.path))
    yield Progress(0, 0, "choosing the stored values")
    quantisation = quantise(volume, modality)
    slices = slices_of(volume)
    matches = sources_by_slice(volume, template)
    same_grid = bool(slices) and len(matches) == len(slices)
    common = series_header(volume, sources, modality, options, same_grid)
    shared = common.dataset
    shared.update(plane_attributes(volume, sources[len(sources) // 2] if same_grid else None))
    shared.update(pixel_attributes(volume, quantisation, modality, sources))
    windows, warnings = window_attributes(volume, quantisation)
    shared.update(windows)
    # names of windows and units may need more than the header's character set
    remarks: list[str] = []
    common = replace(common, encodings=settle_character_set(shared, remarks))
    warnings = (*warnings, *remarks)
    made = _Made(folder)
    try:
        made.make_folder()
        for number, k in enumerate(slices, 1):
            yield Progress(number - 1, len(slices), "writing images")
            image = _image(volume, k, number, common)
            if not options.new_study and template:
                found = [matches[k]] if k in matches else nearest_sources(volume.slice_positions[k], template)
                add_references(image, found, same_grid=k in matches)
            image.file_meta = _file_meta(image)
            set_pixels(image, volume, k, quantisation, options.transfer_syntax_uid)
            made.write(image, number)
        with translated(folder):
            sync_folder(folder)
        proof = yield from prove_job(made.paths, volume, quantisation)
        made.keep = True
    finally:
        made.clean_up()
    return WrittenSeries(
        series_instance_uid=str(shared.SeriesInstanceUID),
        study_instance_uid=str(shared.StudyInstanceUID),
        sop_class_uid=SOP_CLASSES[modality],
        sop_instance_uids=tuple(made.uids),
        paths=tuple(made.paths),
        max_abs_error=proof.max_abs_error,
        error_bound=quantisation.error_bound,
        max_position_error_mm=proof.max_position_error_mm,
        warnings=(*common.warnings, *warnings),
    )


class _Made:
    """The files of an export, which go again unless `keep` is set."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths: list[Path] = []
        self.uids: list[str] = []
        self.keep = False
        self._own_folder = False

    def make_folder(self) -> None:
        with translated(self.folder):
            self._own_folder = not self.folder.exists()
            self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, image: Dataset, number: int) -> None:
        path = self.folder / f"IM{number:06d}.dcm"
        with atomic_file(path, sync_parent=False) as stream:
            image.save_as(stream, enforce_file_format=True)
        self.paths.append(path)
        self.uids.append(str(image.SOPInstanceUID))

    def clean_up(self) -> None:
        if self.keep:
            return
        for path in self.paths:
            path.unlink(missing_ok=True)
        if self._own_folder and self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()


def _image(volume: Volume, k: int, number: int, header: SeriesHeader) -> Dataset:
    image = Dataset()
    image.update({tag: header.dataset.get_item(tag) for tag in header.dataset.keys()})  # noqa: SIM118 - tags, unparsed
    image.SOPInstanceUID = new_uid()
    image.InstanceNumber = str(number)
    image.ImagePositionPatient = position(volume.slice_positions[k])
    # tells pydicom that what is not parsed is written as it is
    image.set_original_encoding(False, True, header.encodings)
    return image


def _file_meta(image: Dataset) -> FileMetaDataset:
    """Return the file meta information of an image that is not compressed (yet)."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID = UID(str(image.SOPClassUID))
    meta.MediaStorageSOPInstanceUID = UID(str(image.SOPInstanceUID))
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    return meta

"""Saves a volume of the scene as a file: the question for its name, and the job that writes it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np

from DICOMModule.errors import plain_text
from DICOMModule.scene import VolumeNode
from DICOMModule.volume.volume import Volume
from DICOMModule.widgets.dialogs.file_dialogs import ask_new_file
from DICOMModule.widgets.job_runner import JobHandle
from DICOMModule.widgets.qt import QWidget
from DICOMModule.widgets.viewer import Viewer

FORMATS: Final = (
    "NRRD (*.nrrd)",
    "NIfTI, compressed (*.nii.gz)",
    "NIfTI (*.nii)",
    "MetaImage (*.mha)",
    "VTK image data (*.vti)",
)
MOST_SKEW: Final = 1e-6
LONGEST_NAME: Final = 80
NOT_IN_NAMES: Final = re.compile(r'[\\/:*?"<>|\x00-\x1f]+')


def is_sheared(volume: Volume) -> bool:
    """Return whether the axes of a volume's grid are not perpendicular, as after a gantry tilt."""
    direction = volume.ijk_to_lps[:3, :3] / np.asarray(volume.spacing_mm)
    return bool(np.abs(direction.T @ direction - np.eye(3)).max() > MOST_SKEW)


def formats_for(node: VolumeNode) -> tuple[str, ...]:
    """Return the formats that can say what a node's values are, as name filters."""
    without_vti = is_sheared(node.volume) or node.count > 1
    return tuple(kind for kind in FORMATS if not (kind.endswith("vti)") and without_vti))


def note_for(node: VolumeNode) -> str:
    """Return what is to be known before a name is chosen; empty where there is nothing."""
    notes = []
    if node.count > 1:
        notes.append(f"All {node.count} volumes are written. VTK image data (.vti) hold one only and are not offered.")
    elif is_sheared(node.volume):
        notes.append("The grid is sheared (gantry tilt). VTK image data (.vti) cannot say that and are not offered.")
    if node.quantity:
        notes.append(f"The values are written as they were loaded, not as {node.quantity}.")
    return " ".join(notes)


def refusal_for(volume: Volume) -> str:
    """Return why no format can hold a volume; empty where one can."""
    if volume.regular:
        return ""
    return (
        "The slices of this volume are not evenly spaced, which no volume file can say. Its DICOM files hold it; or"
        " resample it first."
    )


def file_name_for(name: str) -> str:
    """Return a name for a file, made of a node's name."""
    return NOT_IN_NAMES.sub("_", plain_text(name)).strip(" ._")[:LONGEST_NAME] or "volume"


def save_volume(parent: QWidget | None, viewer: Viewer, node: VolumeNode) -> JobHandle | None:
    """Ask for a file and write a node's volume to it; None where nothing is written."""
    refusal = refusal_for(node.volume)
    if refusal:
        viewer.banners.show_error(f"{plain_text(node.name)}: {refusal}")
        return None
    path = ask_new_file(
        parent,
        viewer,
        "Save volume",
        f"{file_name_for(node.name)}.nrrd",
        formats_for(node),
        note=note_for(node),
    )
    return None if path is None else save_volume_to(viewer, node, path)


def save_volume_to(viewer: Viewer, node: VolumeNode, path: Path) -> JobHandle:
    """Write a node's volume to a file in a job, in place of one that is there; a banner tells what came of it."""
    from DICOMModule.export import write_volume_file_job

    value = node.loaded
    return viewer.jobs.run(
        f"Saving {plain_text(path.name)}",
        lambda: write_volume_file_job(value, path, overwrite=True),
        on_success=lambda _nothing: viewer.banners.show_info(f"Saved {plain_text(str(path))}."),
        on_failure=viewer.banners.show_failure,
    )

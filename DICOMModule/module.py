"""The DICOM module: what it is, as the module menu and the panel show it."""

from __future__ import annotations

from typing import ClassVar

from DICOMModule.scripted_module import ScriptedModule


class DICOMModule(ScriptedModule):
    """Import, browse, load, process, export and exchange DICOM studies."""

    title: ClassVar[str] = "DICOM"
    categories: ClassVar[tuple[str, ...]] = ("Informatics",)
    contributors: ClassVar[tuple[str, ...]] = ("The DICOMModule developers",)
    help_text: ClassVar[str] = (
        "Keeps a local database of DICOM files, shows its patients, studies and series, loads series into the 3D scene,"
        " and writes volumes of the scene back as new DICOM series. Not for clinical use: no diagnosis and no treatment"
        " may rest on what this program shows or writes."
    )
    acknowledgement_text: ClassVar[str] = (
        "Modelled on the DICOM module that 3D Slicer 4.0 describes in its documentation. Built on VTK, Qt, pydicom,"
        " pynetdicom, numpy, SimpleITK and peewee. DICOM is the standard of NEMA for medical imaging information."
    )

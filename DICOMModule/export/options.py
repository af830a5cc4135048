"""What the user may decide about an exported series; a form shows it without what writes the series."""

from __future__ import annotations

from dataclasses import dataclass

TRANSFER_SYNTAXES = {
    "1.2.840.10008.1.2.1": "Explicit VR Little Endian",
    "1.2.840.10008.1.2.5": "RLE Lossless",
    "1.2.840.10008.1.2.4.80": "JPEG-LS Lossless",
    "1.2.840.10008.1.2.4.90": "JPEG 2000 Lossless",
}


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What the user may decide about the new series; everything has a default.

    Attributes
    ----------
    series_description : str
        Empty: the source's, and what was done.
    series_number : int or None
        None: one more than `highest_series_number`.
    highest_series_number : int
        The largest Series Number in the study; 0 where it has none.
    derivation : str
        What was done, where the volume itself does not say it (``Volume.derivation``).
    modality : str
        ``"CT"`` or ``"MR"``; empty: the volume's, else the template's.
    transfer_syntax_uid : str
        Explicit VR Little Endian, RLE, JPEG-LS or JPEG 2000 lossless.
    new_study : bool
        Make a study of its own, of the patient whose ID and name follow.
    patient_id, patient_name : str
        Of the new study.
    """

    series_description: str = ""
    series_number: int | None = None
    highest_series_number: int = 0
    derivation: str = ""
    modality: str = ""
    transfer_syntax_uid: str = "1.2.840.10008.1.2.1"
    new_study: bool = False
    patient_id: str = ""
    patient_name: str = ""

"""Another quantity in place of a volume's values: SUV, a real-world value, what a scanner means. The values themselves stay."""

from __future__ import annotations

from dataclasses import replace

from DICOMModule.errors import SettingsError, plain_text
from DICOMModule.jobs import Job, Progress
from DICOMModule.volume.quantified import shown_as
from DICOMModule.volume.quantity import Quantity
from DICOMModule.volume.sequence import VolumeSequence
from DICOMModule.volume.volume import Volume


def quantity_job(value: Volume | VolumeSequence, name: str) -> Job[Volume | VolumeSequence]:
    """Return the volume, or all volumes of a sequence, in the quantity of this name; an empty name: `value` itself.

    Upper and lower case are the same. The result is single precision; padding and missing slices stay hidden.

    Raises
    ------
    SettingsError
        There is no such quantity of a volume; the sentence lists those that there are.
    """
    if not name:
        return value
    if not isinstance(value, VolumeSequence):
        yield Progress(0, 1, name)
        return shown_as(value, quantity_named(value, name))
    chosen = [quantity_named(volume, name) for volume in value.volumes]
    volumes = []
    for number, (volume, quantity) in enumerate(zip(value.volumes, chosen, strict=True)):
        yield Progress(number, len(chosen), name)
        volumes.append(shown_as(volume, quantity))
    return replace(value, volumes=tuple(volumes), whole=None)


def quantity_named(volume: Volume, name: str) -> Quantity:
    """Return the quantity of this name.

    Raises
    ------
    SettingsError
        There is none; the sentence lists those that there are.
    """
    for quantity in volume.quantities:
        if quantity.name.casefold() == name.casefold():
            return quantity
    known = ", ".join(quantity.name for quantity in volume.quantities) or "none"
    raise SettingsError(f"{plain_text(volume.name)} has no quantity {plain_text(name)!r}. It has: {plain_text(known)}.")

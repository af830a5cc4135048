"""Weight, lean mass and surface of a patient, as uptake is normalised by them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from DICOMModule.dicom.instance_header import InstanceHeader

HEAVIEST_KG: Final = 500.0
LIGHTEST_KG: Final = 0.005
"""A mouse; numbers beyond are in grams, or none."""
TALLEST_M: Final = 2.8
SMALLEST_M: Final = 0.3


@dataclass(frozen=True, slots=True)
class Normalisation:
    """By what else than weight uptake is normalised.

    Attributes
    ----------
    name, unit : str
        Of the uptake.
    share : float
        What uptake by weight is multiplied with.
    provenance : str
        As sentences.
    """

    name: str
    unit: str
    share: float
    provenance: str


@dataclass(frozen=True, slots=True)
class BodySize:
    """What a header says of the patient's size.

    Attributes
    ----------
    weight_kg, height_m : float or None
        None where it is missing or cannot be.
    is_male : bool or None
        None where Patient's Sex is neither M nor F.
    weight_reason, height_reason : str
        Why there is none, or empty.
    """

    weight_kg: float | None
    height_m: float | None
    is_male: bool | None
    weight_reason: str = ""
    height_reason: str = ""

    def others(self) -> Iterator[Normalisation]:
        """Yield lean body mass by two formulas, and surface, as far as they can be told."""
        if self.weight_kg is None or self.height_m is None:
            return
        weight, height_cm = self.weight_kg, self.height_m * 100
        said = f"Weight {weight:g} kg, height {height_cm:g} cm"
        for name, unit, lean_mass in _LEAN_MASSES if self.is_male is not None else ():
            mass = lean_mass(weight, height_cm, bool(self.is_male))
            if mass > 0:  # James' parabola falls below nothing for the very heavy
                sex = "male" if self.is_male else "female"
                provenance = f"{said}, {sex}: lean body mass {mass:.4g} kg."
                yield Normalisation(name, unit, mass / weight, provenance)
        surface = surface_du_bois_m2(weight, height_cm)
        # Uptake by weight is in g/ml; 1 m² are 10,000 cm², 1 kg are 1000 g
        provenance = f"{said}: body surface {surface:.4g} m² by Du Bois."
        yield Normalisation("SUVbsa", "cm2/ml{SUVbsa}", surface * 10 / weight, provenance)

    def notes(self) -> tuple[str, ...]:
        """Return why some of them cannot be told."""
        if self.weight_kg is None:
            return (f"SUV by lean body mass and by surface not computed: {self.weight_reason}.",)
        if self.height_m is None:
            return (f"SUV by lean body mass and by surface not computed: {self.height_reason}.",)
        return (
            () if self.is_male is not None else ("SUV by lean body mass not computed: PatientSex is neither M nor F.",)
        )


def lean_mass_james_kg(weight_kg: float, height_cm: float, is_male: bool) -> float:
    """Return lean body mass by James: 1.10 W - 128 (W/H)², for women 1.07 W - 148 (W/H)²."""
    linear, square = (1.10, 128.0) if is_male else (1.07, 148.0)
    return linear * weight_kg - square * (weight_kg / height_cm) ** 2


def lean_mass_janmahasatian_kg(weight_kg: float, height_cm: float, is_male: bool) -> float:
    """Return lean body mass by Janmahasatian: 9270 W / (6680 + 216 BMI), for women 9270 W / (8780 + 244 BMI)."""
    constant, slope = (6680.0, 216.0) if is_male else (8780.0, 244.0)
    return 9270.0 * weight_kg / (constant + slope * weight_kg / (height_cm / 100) ** 2)


def surface_du_bois_m2(weight_kg: float, height_cm: float) -> float:
    """Return the body surface by Du Bois: 0.007184 W^0.425 H^0.725."""
    return float(0.007184 * weight_kg**0.425 * height_cm**0.725)


def body_size_of(header: InstanceHeader) -> BodySize:
    """Return what is said of the size of the patient; numbers that no body has are left out with a reason."""
    weight, height = header.number("PatientWeight"), header.number("PatientSize")
    weight_reason = ""
    if not weight:
        weight, weight_reason = None, "PatientWeight missing"
    elif not LIGHTEST_KG <= weight <= HEAVIEST_KG:
        weight_reason, weight = f"PatientWeight {weight:g} kg cannot be", None
    height_reason = ""
    if not height:
        height, height_reason = None, "PatientSize missing"
    elif not SMALLEST_M <= height <= TALLEST_M:
        height_reason, height = f"PatientSize {height:g} m cannot be", None
    is_male = {"M": True, "F": False}.get(header.text("PatientSex").upper())
    return BodySize(weight, height, is_male, weight_reason, height_reason)


_LEAN_MASSES: Final = (
    ("SUVlbm (James)", "g/ml{SUVlbm}", lean_mass_james_kg),
    ("SUVlbm (Janmahasatian)", "g/ml{SUVlbm(Janma)}", lean_mass_janmahasatian_kg),
)

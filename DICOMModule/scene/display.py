"""How a volume is to be shown; values, not pictures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from DICOMModule.errors import SettingsError
from DICOMModule.volume.volume import VoiFunction, Window

Interpolation: TypeAlias = Literal["linear", "nearest"]
ColorTable: TypeAlias = Literal["grey", "hot", "rainbow", "cool"]
COLOR_TABLES: tuple[ColorTable, ...] = get_args(ColorTable)


@dataclass(frozen=True, slots=True)
class VolumeDisplay:
    """How one volume is shown in every view.

    Attributes
    ----------
    window : Window
        Level and width in the volume's units, with the name of the preset that they come from.
    function : str
        How level and width become grey (PS3.3 C.11.2.1.2.1 and C.11.2.1.3): ``LINEAR``, as DICOM defines Window Center
        and Width; ``LINEAR_EXACT``, where level ± width / 2 are black and white; ``SIGMOID``, a curve that nears both. A
        VOI LUT of the window is applied in place of it.
    inverted : bool
        Black and white exchanged by the user or a preset; what MONOCHROME1 asks for comes on top of it.
    opacity : float
        From 0 to 1, over the layers beneath it.
    interpolation : str
        ``linear`` or ``nearest``, in the slice views.
    rendering_preset : str
        Name of the volume-rendering preset; empty: the modality's first.
    color_table : str
        ``grey``, ``hot``, ``rainbow`` or ``cool``: the colours between the window's ends, in the slice views.

    Raises
    ------
    SettingsError
        A value is outside its range.
    """

    window: Window
    function: VoiFunction = "LINEAR"
    inverted: bool = False
    opacity: float = 1.0
    interpolation: Interpolation = "linear"
    rendering_preset: str = ""
    color_table: ColorTable = "grey"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.window.level) and math.isfinite(self.window.width) and self.window.width > 0):
            raise SettingsError(
                f"window {self.window.width:g} and level {self.window.level:g} make no grey scale."
                " The window must be greater than 0."
            )
        if not 0.0 <= self.opacity <= 1.0:
            raise SettingsError(f"an opacity of {self.opacity:g} is not between 0 and 1")
        if self.color_table not in COLOR_TABLES:
            raise SettingsError(f"there is no colour table {self.color_table!r}; there are {', '.join(COLOR_TABLES)}")

    @property
    def grey_range(self) -> tuple[float, float]:
        """The values that become black and white (white and black, where inverted), the lower one first.

        LINEAR is not defined for widths below 1 (PS3.3 C.11.2.1.2.1); there, and at 1, where it is a step, it is
        taken as LINEAR_EXACT.
        """
        level, width = self.window.level, self.window.width
        if self.function == "LINEAR" and width > 1.0:
            level, width = level - 0.5, width - 1.0
        return level - width / 2.0, level + width / 2.0

"""The scene and its nodes: numpy values and how they are to be shown; no VTK, no Qt."""

from DICOMModule.scene.display import VolumeDisplay
from DICOMModule.scene.scene import NodeChange, Scene
from DICOMModule.scene.signal import Signal
from DICOMModule.scene.volume_node import VolumeNode, axis_place, axis_text, number_text

__all__ = ["NodeChange", "Scene", "Signal", "VolumeDisplay", "VolumeNode", "axis_place", "axis_text", "number_text"]

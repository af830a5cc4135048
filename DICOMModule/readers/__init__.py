"""Readers: a file a kind of object; each examines headers and offers loadables, and loads what was chosen.

Examining costs headers only. Pixels are read after the best loadable, or the user's, has been chosen.
"""

from DICOMModule.readers.folder import headers_of_path
from DICOMModule.readers.registry import examine, load_job

__all__ = ["examine", "headers_of_path", "load_job"]

"""SimpleITK filters as typed, listed operations on volumes."""

from DICOMModule.processing.catalogue import operations
from DICOMModule.processing.operation import Operation, Parameter
from DICOMModule.processing.process import DERIVATION_CODES, process_job

__all__ = ["DERIVATION_CODES", "Operation", "Parameter", "operations", "process_job"]

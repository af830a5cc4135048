"""SimpleITK filters as typed, listed operations on volumes."""

from DICOMModule.processing.operations import OPERATIONS, Operation, Parameter, operation_named
from DICOMModule.processing.process import DERIVATION_CODES, process_job

__all__ = ["DERIVATION_CODES", "OPERATIONS", "Operation", "Parameter", "operation_named", "process_job"]

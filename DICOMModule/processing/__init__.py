"""SimpleITK filters as typed, listed operations on volumes."""

from DICOMModule.processing.operation import Operation, Parameter, operation_named, operations
from DICOMModule.processing.process import DERIVATION_CODES, process_job

__all__ = ["DERIVATION_CODES", "Operation", "Parameter", "operation_named", "operations", "process_job"]

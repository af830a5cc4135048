"""Talking to other DICOM applications."""

"""Volumes: geometry in LPS millimetres, grouping of frames into grids, the pixel pipeline, windowing.

Pure numpy over values of `dicom`; nothing here reads the database or knows a screen.
"""

"""DICOM itself: finding files, reading and checking headers, UIDs, value representations, frames to arrays.

Knows neither the database nor the geometry of volumes. pydicom is used where its own knowledge is needed; reading a
header does not need it.
"""

"""The demo data: phantoms with known geometry and landmarks, drawn by this package and written as DICOM.

`shapes` are solids with a distance, `canvas` paints them on any grid, `torso` says what the body consists of, `series`
writes a grid as a CT series, `catalogue` lists the phantoms that there are.
"""

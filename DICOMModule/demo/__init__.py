"""The demo data: phantoms with known geometry, landmarks and values, drawn by this package and written as DICOM.

`shapes` are solids with a distance, `canvas` paints them on any grid, `torso` says what the body consists of, `tissues` what
each of it gives in MR and PET, `drawing` makes values of a phantom. `series` writes them slice by slice as CT, MR over time
or PET, `multiframe` as one Enhanced CT instance. `catalogue` lists the phantoms that there are.
"""

"""SimpleITK filters as typed, listed operations on volumes."""

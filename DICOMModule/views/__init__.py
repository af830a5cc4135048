"""VTK: slice and volume views, each an off-screen render window and its pixels. No Qt."""

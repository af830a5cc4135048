"""The scene and its nodes: numpy values and how they are to be shown; no VTK, no Qt."""

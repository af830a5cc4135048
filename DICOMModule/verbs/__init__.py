"""The verbs of Logic, a file a group of them; `logic` puts them together. No Qt, no VTK rendering."""

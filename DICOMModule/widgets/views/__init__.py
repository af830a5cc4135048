"""Qt: the views as widgets: what they share, the slice and volume views, their gestures, keys and layout."""

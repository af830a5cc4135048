"""Qt: the browser of the local database: tree, search, thumbnails, preview, context menu."""

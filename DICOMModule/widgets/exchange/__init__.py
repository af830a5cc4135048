"""Query, retrieve and send in the window."""

"""The address book and the listener in the window."""

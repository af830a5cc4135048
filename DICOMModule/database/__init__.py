"""The local database: SQLite through peewee, the file store, and the one way in for every file."""

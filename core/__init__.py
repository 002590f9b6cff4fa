"""The telecom part: FTP mirror, file readers, SQLite store, events, RIO, numbers, pictures."""

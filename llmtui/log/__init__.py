"""The session's log: one JSON line for each event, written by one engine, read by everybody."""

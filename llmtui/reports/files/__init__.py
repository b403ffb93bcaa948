"""The files of a session: tables and pages beside its log, made from it alone, so that they can be made anew."""

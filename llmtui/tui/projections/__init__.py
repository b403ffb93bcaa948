"""What each pane shows, as small frozen values computed from the session's state. Pure."""

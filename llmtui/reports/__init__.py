"""What a session says without a screen: plain lines and tables."""

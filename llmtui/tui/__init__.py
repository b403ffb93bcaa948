"""The viewer: follows a log, draws it, sends commands. It measures nothing and owns no fact."""

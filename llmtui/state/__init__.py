"""The reducer: what a session looks like after a sequence of events. Pure, so that live, replay and report agree."""

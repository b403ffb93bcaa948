"""What each kind of workload has to say at its end: pure functions from the state to lines and tables of words."""

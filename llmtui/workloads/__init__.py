"""One file for each kind of job. A workload knows nothing of servers: `Bench` is all that it may call."""

"""One file for each kind of server, all behind `base.Backend`."""

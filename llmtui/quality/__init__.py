"""Questions of our own with answers that code can judge: tasks, and the scorers that read what a model wrote."""

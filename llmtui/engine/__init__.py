"""The measuring process: runs the queue, stamps the tokens, owns the log. It draws nothing."""

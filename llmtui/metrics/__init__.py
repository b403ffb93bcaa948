"""Pure arithmetic: latencies of one request, statistics of many."""

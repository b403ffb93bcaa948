"""What a sample says of what is true: intervals, comparisons, changes; pure."""

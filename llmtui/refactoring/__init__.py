"""Components to be given types: fixtures of our own, and what judges the answers by their syntax tree and compiler."""

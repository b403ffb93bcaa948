"""How each event changes the state, by what it speaks of."""

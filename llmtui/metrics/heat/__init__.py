"""What heat does to a device and to its rate: evidence, verdicts, guards; pure."""

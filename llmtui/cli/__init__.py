"""The commands. The only room that knows both wings; each command imports its wing when it runs."""

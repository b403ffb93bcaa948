"""Suites: typed YAML that says what to run, and the plan of jobs that follows from it. Pure: texts come in as text."""

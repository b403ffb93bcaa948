"""The shapes of the kinds of workload, in groups; `llmtui.suites.schema` joins them into what a suite may have."""

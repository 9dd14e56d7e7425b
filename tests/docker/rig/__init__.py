"""Logs in as people do, through real programs, and looks at what each side saw: the user, the tenant, the log, the host."""

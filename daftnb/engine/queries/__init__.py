"""The driver's side of a query: the runner on Ray, the subscriber on the native runner, plans, and what went wrong."""

"""The driver's side of a query: the runner on Ray, the subscriber, plans and warnings."""

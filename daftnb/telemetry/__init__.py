"""What daftnb knows of queries: events, the state they fold into, snapshots and recordings."""

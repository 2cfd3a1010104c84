"""Ray Jobs: a job, its server, and the source that is sent."""

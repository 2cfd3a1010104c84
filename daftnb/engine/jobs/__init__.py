"""Ray jobs: the job, its server, and the source that is sent."""

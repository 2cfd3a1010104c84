"""The rows of a result: reads its partitions, on either runner, a slice at a time."""

"""The rows of a result: its partitions on the native runner and on Ray, read a slice at a time."""

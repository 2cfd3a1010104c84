"""The version, alone: read by the build, and by what must not import the package's front door."""

__version__ = "0.1.0"

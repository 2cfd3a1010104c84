"""Guesses what a binary value is from its first bytes. Nothing is decoded."""

from __future__ import annotations

LONGEST = 16  # bytes that are looked at

_BEGINNINGS: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG image"),
    (b"\xff\xd8\xff", "JPEG image"),
    (b"GIF87a", "GIF image"),
    (b"GIF89a", "GIF image"),
    (b"BM", "BMP image"),
    (b"II*\x00", "TIFF image"),
    (b"MM\x00*", "TIFF image"),
    (b"%PDF-", "PDF"),
    (b"PK\x03\x04", "ZIP archive"),
    (b"PK\x05\x06", "ZIP archive"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip archive"),
    (b"PAR1", "Parquet"),
    (b"ARROW1", "Arrow file"),
    (b"ORC", "ORC"),
    (b"Obj\x01", "Avro"),
    (b"SQLite format 3\x00", "SQLite database"),
    (b"\x89HDF\r\n\x1a\n", "HDF5"),
    (b"\x93NUMPY", "NumPy array"),
    (b"\x80\x04\x95", "Python pickle"),
    (b"\x80\x05\x95", "Python pickle"),
    (b"OggS", "Ogg audio"),
    (b"fLaC", "FLAC audio"),
    (b"ID3", "MP3 audio"),
    (b"\x1aE\xdf\xa3", "Matroska video"),
    (b"\x7fELF", "ELF program"),
    (b"{\\rtf", "RTF"),
)


def sniffed(start: bytes) -> str | None:
    """Return what a value that begins so probably is (``PNG image``, ``gzip``); None where that cannot be told."""
    for beginning, name in _BEGINNINGS:
        if start.startswith(beginning):
            return name
    if start[:4] == b"RIFF":
        return {b"WEBP": "WebP image", b"WAVE": "WAV audio", b"AVI ": "AVI video"}.get(start[8:12], "RIFF")
    if start[4:8] == b"ftyp":
        return "AVIF image" if start[8:12] == b"avif" else "HEIC image" if start[8:11] == b"hei" else "MP4 video"
    return None

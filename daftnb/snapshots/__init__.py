"""A snapshot as HTML, SVG and text without script: what a saved notebook keeps."""

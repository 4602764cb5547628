"""Images that a user brings: folders, tables of paths, arrays and encoded images in files."""

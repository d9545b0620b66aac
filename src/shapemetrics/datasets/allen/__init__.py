"""Allen Brain Observatory, Visual Coding Neuropixels: from session files to brain regions."""

"""Below all rooms: errors, files, addresses, records, tasks, progress, metadata."""

package sqlitestore

// Mixed tells which frame of a log is damaged if the file has something from
// behind it, else -1.
func Mixed(path string) (int, error) { return mixed(path) }

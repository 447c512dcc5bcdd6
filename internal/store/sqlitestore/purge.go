package sqlitestore

const (
	deleteVariables = `
DELETE FROM variables WHERE body = ? AND name IN (SELECT name FROM variables WHERE body = ? LIMIT ?)`
	deleteHistory = `
DELETE FROM history WHERE body = ? AND (name, version) IN (SELECT name, version FROM history WHERE body = ? LIMIT ?)`
	deleteChanges = `
DELETE FROM changes WHERE body = ? AND seq IN (SELECT seq FROM changes WHERE body = ? LIMIT ?)`
	deleteLocks = `
DELETE FROM locks WHERE body = ? AND name IN (SELECT name FROM locks WHERE body = ? LIMIT ?)`
	// The two about refs take the same rows.
	leaveBlobs = `
UPDATE blobs SET sessions = sessions - 1, idle = CASE WHEN sessions = 1 THEN ? END
WHERE blob IN (SELECT blob FROM refs WHERE body = ? ORDER BY blob LIMIT ?)`
	deleteRefs = `
DELETE FROM refs WHERE body = ? AND blob IN (SELECT blob FROM refs WHERE body = ? ORDER BY blob LIMIT ?)`
	deleteLabels = "DELETE FROM labels WHERE body = ?"
)

// purge removes at most limit rows of what is in a session, and tells whether
// that was all.
func (tx *tx) purge(body, limit int64) (rows int64, complete bool, err error) {
	for _, text := range []string{deleteVariables, deleteHistory, deleteChanges, deleteLocks, deleteRefs} {
		if text == deleteRefs {
			if _, err := tx.c.exec(leaveBlobs, tx.now, body, limit-rows); err != nil {
				return rows, false, err
			}
		}
		n, err := tx.c.affect(text, body, body, limit-rows)
		if rows += n; err != nil || rows >= limit {
			return rows, false, err
		}
	}
	labels, err := tx.c.affect(deleteLabels, body)
	return rows + labels, true, err
}

package sqlitestore

import (
	"database/sql/driver"
	"time"

	"toolpit/internal/store"
)

const (
	// idleTime is how long a blob stays that no session refers to, so that a
	// reader can finish.
	idleTime = time.Minute
	// chunkBatch is how many chunks one transaction removes: each takes as long
	// as hundreds of other rows.
	chunkBatch = 16
)

const (
	deleteOldUploads = "DELETE FROM uploads WHERE blob IN (SELECT blob FROM uploads WHERE at <= ? ORDER BY at LIMIT ?) RETURNING blob"
	deleteIdleBlobs  = "DELETE FROM blobs WHERE blob IN (SELECT blob FROM blobs WHERE idle <= ? ORDER BY idle LIMIT ?) RETURNING blob"
)

// sweepUploads gives up what was staged and never used.
func (tx *tx) sweepUploads(*store.Swept) (int64, error) {
	return tx.wasteAll(deleteOldUploads, tx.now-store.StagedTTL.Milliseconds())
}

// sweepBlobs gives up what no session refers to.
func (tx *tx) sweepBlobs(*store.Swept) (int64, error) {
	return tx.wasteAll(deleteIdleBlobs, tx.now-idleTime.Milliseconds())
}

// wasteAll hands what a statement deletes to sweepWaste.
func (tx *tx) wasteAll(text string, until int64) (int64, error) {
	var numbers []int64
	err := tx.c.each(text, []driver.Value{until, int64(sweepBatch)}, func(r row) (bool, error) {
		numbers = append(numbers, r.int(0))
		return true, nil
	})
	if err != nil {
		return 0, err
	}
	for _, number := range numbers {
		if _, err := tx.c.exec(insertWaste, number); err != nil {
			return 0, err
		}
	}
	return int64(len(numbers)), nil
}

const (
	selectWaste  = "SELECT blob FROM waste LIMIT 1"
	deleteWaste  = "DELETE FROM waste WHERE blob = ?"
	deleteChunks = "DELETE FROM chunks WHERE rowid IN (SELECT rowid FROM chunks WHERE blob = ? LIMIT ?)"
)

// sweepWaste removes chunks of one blob, and counts it when it has none left.
func (tx *tx) sweepWaste(swept *store.Swept) (int64, error) {
	r, err := tx.c.one(selectWaste)
	if err != nil || r == nil {
		return 0, err
	}
	number := r.int(0)
	rows, err := tx.c.affect(deleteChunks, number, int64(chunkBatch))
	if err != nil || rows == chunkBatch {
		return rows, err
	}
	swept.Blobs++
	_, err = tx.c.exec(deleteWaste, number)
	return rows + 1, err
}

package sqlitestore

import (
	"context"

	"toolpit/internal/fault"
	"toolpit/internal/store"
)

const (
	insertUpload = "INSERT INTO uploads (body, upload, bytes, at) VALUES (?, ?, ?, ?)"
	renewUpload  = "UPDATE uploads SET at = ? WHERE blob = ?"
	upsertChunk  = `
INSERT INTO chunks (blob, part, data) VALUES (?, ?, ?) ON CONFLICT (blob, part) DO UPDATE SET data = excluded.data`
)

// Stage keeps a chunk of an upload. Each has a transaction of its own, so that
// writers wait for a megabyte at most.
func (s *Store) Stage(ctx context.Context, ref store.Ref, u store.Upload, index int64, chunk []byte) error {
	if err := u.Check(index, len(chunk)); err != nil {
		return err
	}
	return s.alone(ctx, func(tx *tx) error {
		ses, err := tx.find(ref)
		if err != nil {
			return err
		}
		if err := tx.writable(ses); err != nil {
			return err
		}
		if limit := tx.cfg.Limits.SessionBytes; u.Bytes > limit-ses.bytes {
			return store.TooManyBytes(ses.bytes, limit)
		}
		number, err := tx.uploadFor(ses.body, u)
		if err != nil {
			return err
		}
		_, err = tx.c.exec(upsertChunk, number, index, chunk)
		return err
	})
}

// uploadFor returns the number of an upload, which begins with its first chunk
// and waits anew with each.
func (tx *tx) uploadFor(body int64, u store.Upload) (int64, error) {
	r, err := tx.c.one(selectUpload, body, u.ID)
	if err != nil {
		return 0, err
	}
	if r == nil {
		return tx.insertUpload(body, u)
	}
	number, bytes := r.int(0), r.int(1)
	if bytes != u.Bytes {
		return 0, fault.Newf(fault.InvalidRequest, "The upload has %d bytes, not %d.", bytes, u.Bytes)
	}
	_, err = tx.c.exec(renewUpload, tx.now, number)
	return number, err
}

// insertUpload begins an upload and returns its number, which the blob will
// have that comes of it.
func (tx *tx) insertUpload(body int64, u store.Upload) (int64, error) {
	result, err := tx.c.exec(insertUpload, body, u.ID, u.Bytes, tx.now)
	if err != nil {
		return 0, err
	}
	return result.LastInsertId()
}

// Discard drops what was staged; the sweeper removes it.
func (s *Store) Discard(ctx context.Context, ref store.Ref, u store.Upload) error {
	return s.mutate(ctx, func(tx *tx) error {
		ses, err := tx.find(ref)
		if err != nil || ses == nil {
			return err
		}
		r, err := tx.c.one(selectUpload, ses.body, u.ID)
		if err != nil || r == nil {
			return err
		}
		return tx.waste(r.int(0))
	})
}

// waste hands an upload to the sweeper.
func (tx *tx) waste(number int64) error {
	if _, err := tx.c.exec(deleteUpload, number); err != nil {
		return err
	}
	_, err := tx.c.exec(insertWaste, number)
	return err
}

const selectChunk = `
SELECT substr(data, ?, ?) FROM chunks WHERE blob = (SELECT blob FROM blobs WHERE owner = ? AND family = ? AND digest = ?) AND part = ?`

// Chunk implements store.Blobs. It does not ask for the session: whoever has
// begun to read a tensor can finish.
func (s *Store) Chunk(ctx context.Context, ref store.Ref, digest string, part store.Part, room []byte) ([]byte, error) {
	if !part.Valid() {
		return nil, store.NoBytes()
	}
	var chunk []byte
	err := s.view(ctx, func(tx *tx) error {
		r, err := tx.c.one(selectChunk, part.Offset+1, part.Length, ref.Owner, ref.Family(), digest, part.Index)
		if err != nil {
			return err
		}
		if r == nil {
			return store.NoBytes()
		}
		if chunk = r.blob(0); len(chunk) == 0 { // the chunk ends before the part
			return store.NoBytes()
		}
		return nil
	})
	if err == nil && cap(room) >= len(chunk) {
		chunk = append(room[:0], chunk...)
	}
	return only(chunk, err)
}

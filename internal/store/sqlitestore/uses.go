package sqlitestore

import (
	"database/sql/driver"
	"slices"

	"toolpit/internal/store"
	"toolpit/internal/value"
)

// use is how often a session names a blob: in variables and in their history.
type use struct {
	blob    int64 // number, 0 when there is no blob of that digest yet
	bytes   int64
	before  int64
	uses    int64   // as they will be
	uploads []int64 // numbers of what was staged for it
}

const selectUse = `
SELECT blob, bytes, (SELECT uses FROM refs WHERE body = ? AND refs.blob = blobs.blob) FROM blobs
WHERE owner = ? AND family = ? AND digest = ?`

// useOf returns the use of a blob as it is planned so far.
func (p *plan) useOf(d value.Descriptor) (*use, error) {
	if u, ok := p.uses[d.Digest]; ok {
		return u, nil
	}
	u := &use{bytes: d.Bytes}
	r, err := p.tx.c.one(selectUse, p.ses.body, p.ses.ref.Owner, p.ses.ref.Family(), d.Digest)
	if err != nil {
		return nil, err
	}
	if r != nil {
		u.blob, u.bytes, u.before = r.int(0), r.int(1), r.int(2)
		u.uses = u.before
	}
	if p.uses == nil {
		p.uses = make(map[string]*use)
	}
	p.uses[d.Digest] = u
	return u, nil
}

// use finds the bytes of a value that an operation writes; a value that is no
// tensor has no use. The caller counts it.
func (p *plan) use(op store.Op, v value.Value) (*use, error) {
	d, ok := v.Descriptor()
	if !ok {
		return nil, nil
	}
	u, err := p.useOf(d)
	if err != nil {
		return nil, err
	}
	if op.Upload == nil || op.Kind == store.OpPatch || op.Kind == store.OpRollback {
		if u.uses == 0 {
			return nil, store.NoBytes()
		}
		return u, nil
	}
	if op.Upload.Bytes != d.Bytes || u.bytes != d.Bytes {
		return nil, store.IncompleteUpload()
	}
	if d.Bytes == 0 {
		return u, nil // there is nothing to be staged
	}
	number, err := p.staged(op.Upload)
	if err != nil {
		return nil, err
	}
	u.uploads = append(u.uploads, number)
	return u, nil
}

const (
	selectUpload = "SELECT blob, bytes, at FROM uploads WHERE body = ? AND upload = ?"
	countChunks  = "SELECT count(*), sum(length(data)) FROM chunks WHERE blob = ?"
)

// staged returns the number of an upload that is complete.
func (p *plan) staged(u *store.Upload) (int64, error) {
	r, err := p.tx.c.one(selectUpload, p.ses.body, u.ID)
	if err != nil {
		return 0, err
	}
	if r == nil || r.int(1) != u.Bytes || r.int(2) <= p.tx.now-store.StagedTTL.Milliseconds() {
		return 0, store.IncompleteUpload()
	}
	number := r.int(0)
	for _, other := range p.uses {
		if slices.Contains(other.uploads, number) {
			return 0, store.IncompleteUpload() // another operation has taken it
		}
	}
	r, err = p.tx.c.one(countChunks, number)
	if err != nil {
		return 0, err
	}
	if r == nil || r.int(0) != store.Chunks(u.Bytes) || r.int(1) != u.Bytes {
		return 0, store.IncompleteUpload()
	}
	return number, nil
}

const selectOldValues = "SELECT value FROM history WHERE body = ? AND name = ? AND version <= ?"

// usesOf returns the uses that end when the versions of a cell up to cut go.
func (p *plan) usesOf(c *cell, cut int64) ([]*use, error) {
	d, ok := c.value.Descriptor()
	if !ok || cut < 1 {
		return nil, nil
	}
	var gone []value.Descriptor
	if cut >= c.number {
		gone = append(gone, d)
	}
	if cut >= c.oldest {
		err := p.tx.c.each(selectOldValues, []driver.Value{p.ses.body, c.name, cut}, func(r row) (bool, error) {
			old, ok := value.Stored(value.Tensor, r.text(0)).Descriptor()
			if !ok {
				return false, errRecord
			}
			gone = append(gone, old)
			return true, nil
		})
		if err != nil {
			return nil, err
		}
	}
	lost := make([]*use, 0, len(gone))
	for _, d := range gone {
		u, err := p.useOf(d)
		if err != nil {
			return nil, err
		}
		lost = append(lost, u)
	}
	return lost, nil
}

func release(lost []*use) {
	for _, u := range lost {
		u.uses--
	}
}

// blobBytes returns by how much the bytes of the session's blobs grow.
func (p *plan) blobBytes() (growth int64) {
	for _, u := range p.uses {
		switch {
		case u.before == 0 && u.uses > 0:
			growth += u.bytes
		case u.before > 0 && u.uses == 0:
			growth -= u.bytes
		}
	}
	return growth
}

const (
	insertBlob = `
INSERT INTO blobs (blob, owner, family, digest, bytes, sessions) VALUES (?, ?, ?, ?, ?, 0)`
	deleteUpload = "DELETE FROM uploads WHERE blob = ?"
	insertWaste  = "INSERT INTO waste (blob) VALUES (?)"
	insertRef    = "INSERT INTO refs (body, blob, uses) VALUES (?, ?, ?)"
	updateRef    = "UPDATE refs SET uses = ? WHERE body = ? AND blob = ?"
	deleteRef    = "DELETE FROM refs WHERE body = ? AND blob = ?"
	claimBlob    = "UPDATE blobs SET sessions = sessions + 1, idle = NULL WHERE blob = ?"
	leaveBlob    = "UPDATE blobs SET sessions = sessions - 1, idle = CASE WHEN sessions = 1 THEN ? END WHERE blob = ?"
)

// saveUses makes blobs of what was staged and writes who uses which.
func (p *plan) saveUses() error {
	for digest, u := range p.uses {
		if err := p.tx.saveUploads(&p.ses, digest, u); err != nil {
			return err
		}
		if err := p.tx.saveUse(p.ses.body, u); err != nil {
			return err
		}
	}
	return nil
}

// saveUploads makes a blob of what was staged; what is there already was staged
// for nothing.
func (tx *tx) saveUploads(ses *session, digest string, u *use) error {
	if u.blob == 0 {
		if len(u.uploads) == 0 { // of no bytes
			number, err := tx.insertUpload(ses.body, store.Upload{})
			if err != nil {
				return err
			}
			u.uploads = []int64{number}
		}
		u.blob = u.uploads[0]
		if _, err := tx.c.exec(insertBlob, u.blob, ses.ref.Owner, ses.ref.Family(), digest, u.bytes); err != nil {
			return err
		}
	}
	for _, number := range u.uploads {
		var err error
		if number == u.blob {
			_, err = tx.c.exec(deleteUpload, number)
		} else {
			err = tx.waste(number)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (tx *tx) saveUse(body int64, u *use) error {
	if u.uses == u.before {
		return nil
	}
	var err error
	switch {
	case u.before == 0:
		if _, err = tx.c.exec(insertRef, body, u.blob, u.uses); err == nil {
			_, err = tx.c.exec(claimBlob, u.blob)
		}
	case u.uses == 0:
		if _, err = tx.c.exec(deleteRef, body, u.blob); err == nil {
			_, err = tx.c.exec(leaveBlob, tx.now, u.blob)
		}
	default:
		_, err = tx.c.exec(updateRef, u.uses, body, u.blob)
	}
	return err
}

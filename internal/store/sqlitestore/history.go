package sqlitestore

import (
	"context"
	"database/sql/driver"
	"math"

	"toolpit/internal/store"
	"toolpit/internal/value"
)

// size returns what a version counts in its session's bytes, beside what the
// bytes of a tensor count.
func (v *version) size() int64 { return int64(len(v.value.JSON()) + len(v.metadata)) }

// heft returns what a version counts against Limits.HistoryBytes.
func (v *version) heft() int64 {
	if d, ok := v.value.Descriptor(); ok {
		return d.Bytes + int64(len(v.metadata))
	}
	return v.size()
}

// all is a version that is above every other.
const all = math.MaxInt64

// oldVersion returns what is shown of a version in the history.
func (v *version) oldVersion(name string) store.Variable {
	return store.Variable{
		Name: name, Value: v.value, Version: v.number, Updated: moment(v.updated), By: v.writer, Metadata: v.metadata,
	}
}

const (
	selectOld = "SELECT " + versionColumns + `, weight FROM history
WHERE body = ? AND name = ? AND version < ? AND version > ? ORDER BY version DESC LIMIT ?`
	keepOld = `
INSERT INTO history (body, name, type, value, version, updated, writer, metadata, weight)
SELECT body, name, type, value, version, updated, writer, metadata, ? FROM variables WHERE body = ? AND name = ?`
	trimOld = `
DELETE FROM history WHERE body = ? AND name = ? AND version <= ?
RETURNING weight, octet_length(value) + octet_length(metadata)`
	measureOld = `
SELECT coalesce(sum(octet_length(value) + octet_length(metadata)), 0) FROM history WHERE body = ? AND name = ? AND version <= ?`
)

// eachOld calls f with the entries in the history of a variable that are older
// than before, newest first. More of them may be stored than this process's
// limit lets be seen.
func (tx *tx) eachOld(body int64, c *cell, before int64, most int, f func(v version, weight int64) (more bool, err error)) error {
	floor := c.number - tx.cfg.Limits.History
	args := []driver.Value{body, c.name, min(before, c.number), floor, int64(most)}
	return tx.c.each(selectOld, args, func(r row) (bool, error) {
		v, err := versionOf(r)
		if err != nil {
			return false, err
		}
		return f(v, r.int(6))
	})
}

// then returns the version that a rollback wants, nil when it cannot be seen.
func (tx *tx) then(body int64, c *cell, target int64) (*store.Variable, error) {
	if target == c.number && c.lives() {
		now := c.variable()
		return &now, nil
	}
	var found *store.Variable
	if target < 1 || target >= c.number {
		return nil, nil
	}
	err := tx.eachOld(body, c, target+1, 1, func(v version, _ int64) (bool, error) {
		if v.number == target {
			shown := v.oldVersion(c.name)
			found = &shown
		}
		return false, nil
	})
	return found, err
}

// A small history is trimmed once it has so many entries that cannot be seen
// any more: for a counter, trimming at each step would be a fifth of the work.
const (
	spareVersions = 16
	spareWeight   = 4 << 10 // what has more is not small
)

// intoHistory finds out what becomes of the history when a living cell is about
// to get another version: whether the present one is kept in it, and up to
// which version entries go, 0 for none.
func (tx *tx) intoHistory(body int64, c *cell) (keeps bool, cut int64, err error) {
	limits := tx.cfg.Limits
	weight := c.heft()
	cut = c.number + 1 - limits.History
	if c.weight > limits.HistoryBytes-weight {
		room := limits.HistoryBytes - weight
		if room < 0 {
			cut = c.number
		}
		err = tx.eachOld(body, c, all, math.MaxInt32, func(v version, w int64) (bool, error) {
			if room -= w; room < 0 {
				cut = max(cut, v.number)
			}
			return room >= 0, nil
		})
	}
	keeps = cut < c.number
	few := cut < c.oldest+spareVersions && c.value.Type() != value.Tensor && c.weight+weight <= min(spareWeight, limits.HistoryBytes)
	if cut < c.oldest || few {
		cut = 0
	}
	return keeps, cut, err
}

// saveOld keeps the version that a variable's row still has, as another is about
// to replace it.
func (tx *tx) saveOld(body int64, name string, weight int64) error {
	_, err := tx.c.exec(keepOld, weight, body, name)
	return err
}

// trim drops what is in the history up to a version, and returns what that
// counted.
func (tx *tx) trim(body int64, name string, cut int64) (weight, bytes int64, err error) {
	tx.c.executed++ // it writes, though it answers
	err = tx.c.each(trimOld, []driver.Value{body, name, cut}, func(r row) (bool, error) {
		weight += r.int(0)
		bytes += r.int(1)
		return true, nil
	})
	return weight, bytes, err
}

// History returns versions of a variable, newest first.
func (s *Store) History(ctx context.Context, ref store.Ref, name string, before int64, limit int) (store.VersionPage, error) {
	return look(ctx, s, ref, func(tx *tx, ses *session) (store.VersionPage, error) {
		var page store.VersionPage
		c, err := tx.findCell(ses.body, name)
		switch {
		case err != nil:
			return page, err
		case !c.lives():
			return page, store.NoVariable(name)
		case limit < 1:
			return page, nil
		}
		var bytes, last int64
		add := func(v store.Variable) {
			page.Items = append(page.Items, v)
			bytes, last = bytes+v.Size(), v.Version
		}
		if before == 0 || before > c.number {
			before = c.number
			add(c.variable())
		}
		err = tx.eachOld(ses.body, &c, before, limit-len(page.Items)+1, func(v version, _ int64) (bool, error) {
			if len(page.Items) == limit || bytes > store.PageBytes {
				page.Next = last
				return false, nil
			}
			add(v.oldVersion(name))
			return true, nil
		})
		return page, err
	})
}

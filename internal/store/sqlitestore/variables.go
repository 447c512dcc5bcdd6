package sqlitestore

import (
	"context"
	"database/sql/driver"
	"math"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// version is what one version of a variable consists of, and what goes into
// the history.
type version struct {
	value    value.Value // without a type when there is no variable
	metadata string
	number   int64
	updated  int64
	writer   string
}

// cell is a variable's row, which stays when the variable is deleted.
type cell struct {
	name string
	version
	created     int64
	constraints string
	oldest      int64 // version of the oldest entry in the history; what is below is not there
	weight      int64 // of all entries in the history
	lease       int64 // when its lock ends, 0 without one
	stored      bool  // the row is there
}

func (c *cell) lives() bool { return c.value.Type() != 0 }

// variableOverhead is what a variable counts in its session's bytes beside its
// name and content.
const variableOverhead = 64

// bytes returns what the variable itself counts: neither its history nor a
// tensor's bytes.
func (c *cell) bytes() int64 {
	return int64(len(c.name)+len(c.constraints)+variableOverhead) + c.size()
}

// variable returns what is shown of a cell; of a dead one only the name.
func (c *cell) variable() store.Variable {
	if !c.lives() {
		return store.Variable{Name: c.name}
	}
	return store.Variable{
		Name: c.name, Value: c.value, Version: c.number, Created: moment(c.created), Updated: moment(c.updated), By: c.writer,
		Constraints: c.constraints, Metadata: c.metadata,
	}
}

const (
	versionColumns = `
  +type AS "", +value AS "", +version AS "", +updated AS "", +writer AS "", +metadata AS ""`
	cellColumns = versionColumns + `,
  +created AS "", +constraints AS "", +oldest AS "", +weight AS "", +lease AS ""`
	selectVariable = "SELECT " + cellColumns + " FROM variables WHERE body = ? AND name = ?"
)

func (tx *tx) findCell(body int64, name string) (cell, error) {
	r, err := tx.c.one(selectVariable, body, name)
	if err != nil || r == nil {
		return cell{name: name}, err
	}
	return cellOf(name, r)
}

// cellOf reads the columns of cellColumns.
func cellOf(name string, r row) (cell, error) {
	v, err := versionOf(r)
	return cell{
		name: name, version: v, created: r.int(6), constraints: r.text(7), oldest: r.int(8), weight: r.int(9), lease: r.int(10),
		stored: true,
	}, err
}

// versionOf reads the columns of versionColumns.
func versionOf(r row) (version, error) {
	v := version{number: r.int(2), updated: r.int(3), writer: r.text(4), metadata: r.text(5)}
	letter := r.text(0)
	if letter == "" {
		return v, nil
	}
	typ, ok := value.TypeOfLetter(letter[0])
	if !ok {
		return v, errRecord
	}
	if number, ok := r[1].(int64); ok {
		v.value = value.Int(number)
	} else {
		v.value = value.Stored(typ, r.text(1))
	}
	return v, nil
}

// columns returns how a value is stored.
func columns(v value.Value) (letter string, stored driver.Value) {
	if v.Type() == 0 {
		return "", nil
	}
	letter = string(v.Type().Letter())
	if number, ok := v.Int64(); ok {
		return letter, number
	}
	return letter, v.JSON()
}

const (
	insertVariable = `
INSERT INTO variables (type, value, version, updated, writer, metadata, created, constraints, oldest, weight, lease, body, name)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	updateVariable = `
UPDATE variables SET type = ?, value = ?, version = ?, updated = ?, writer = ?, metadata = ?, created = ?, constraints = ?,
  oldest = ?, weight = ?, lease = ? WHERE body = ? AND name = ?`
)

func (tx *tx) saveCell(body int64, c *cell) error {
	text := insertVariable
	if c.stored {
		text = updateVariable
	}
	letter, stored := columns(c.value)
	_, err := tx.c.exec(text, letter, stored, c.number, c.updated, c.writer, c.metadata, c.created, c.constraints,
		c.oldest, c.weight, c.lease, body, c.name)
	return err
}

const weighVariable = `
SELECT octet_length(value) + octet_length(constraints) + octet_length(metadata) FROM variables WHERE body = ? AND name = ?`

// Read returns the variables of those names that exist.
func (s *Store) Read(ctx context.Context, ref store.Ref, names ...string) (store.Snapshot, error) {
	return s.ReadPart(ctx, ref, math.MaxInt64, names...)
}

// ReadPart returns variables up to a size.
func (s *Store) ReadPart(ctx context.Context, ref store.Ref, bytes int64, names ...string) (store.Snapshot, error) {
	if len(names) > store.MaxOps {
		return store.Snapshot{}, fault.Newf(fault.InvalidRequest, "At most %d variables can be read at once.", store.MaxOps)
	}
	return look(ctx, s, ref, func(tx *tx, ses *session) (store.Snapshot, error) {
		snapshot := store.Snapshot{
			Variables: make(map[string]store.Variable, len(names)), At: moment(tx.now), Epoch: ses.epoch, Seq: ses.seq, Commands: ses.commands,
		}
		room := bytes
		for i, name := range names {
			if i > 0 && room < 0 {
				snapshot.Left = len(names) - i
				var err error
				snapshot.LeftBytes, err = tx.weigh(ses.body, names[i:])
				return snapshot, err
			}
			c, err := tx.findCell(ses.body, name)
			if err != nil {
				return snapshot, err
			}
			if c.lives() {
				v := c.variable()
				snapshot.Variables[name] = v
				room -= v.Size()
			}
		}
		return snapshot, nil
	})
}

// weigh returns about how many bytes variables have.
func (tx *tx) weigh(body int64, names []string) (bytes int64, err error) {
	for _, name := range names {
		r, err := tx.c.one(weighVariable, body, name)
		if err != nil {
			return 0, err
		}
		if r != nil {
			bytes += r.int(0)
		}
	}
	return bytes, nil
}

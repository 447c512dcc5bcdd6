package sqlitestore

import (
	"context"
	"database/sql/driver"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// cell is a variable's row, which stays when the variable is deleted.
type cell struct {
	name    string
	value   value.Value // without a type when there is no variable
	version int64
	created int64
	updated int64
	writer  string
	stored  bool // the row is there
}

func (c *cell) lives() bool { return c.value.Type() != 0 }

// variableOverhead is what a variable counts in its session's bytes beside its
// name and value.
const variableOverhead = 64

func (c *cell) bytes() int64 { return int64(len(c.name) + len(c.value.JSON()) + variableOverhead) }

// variable returns what is shown of a cell; of a dead one only the name.
func (c *cell) variable() store.Variable {
	if !c.lives() {
		return store.Variable{Name: c.name}
	}
	return store.Variable{
		Name: c.name, Value: c.value, Version: c.version, Created: moment(c.created), Updated: moment(c.updated), By: c.writer,
	}
}

const selectVariable = "SELECT type, value, version, created, updated, writer FROM variables WHERE body = ? AND name = ?"

func (tx *tx) findCell(body int64, name string) (cell, error) {
	c := cell{name: name}
	r, err := tx.c.one(selectVariable, body, name)
	if err != nil || r == nil {
		return c, err
	}
	c.stored = true
	c.version, c.created, c.updated, c.writer = r.int(2), r.int(3), r.int(4), r.text(5)
	letter := r.text(0)
	if letter == "" {
		return c, nil
	}
	typ, ok := value.TypeOfLetter(letter[0])
	if !ok {
		return c, errRecord
	}
	if number, ok := r[1].(int64); ok {
		c.value = value.Int(number)
	} else {
		c.value = value.Stored(typ, r.text(1))
	}
	return c, nil
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
INSERT INTO variables (type, value, version, created, updated, writer, body, name) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	updateVariable = `
UPDATE variables SET type = ?, value = ?, version = ?, created = ?, updated = ?, writer = ? WHERE body = ? AND name = ?`
)

func (tx *tx) saveCell(body int64, c *cell) error {
	text := insertVariable
	if c.stored {
		text = updateVariable
	}
	letter, stored := columns(c.value)
	_, err := tx.c.exec(text, letter, stored, c.version, c.created, c.updated, c.writer, body, c.name)
	return err
}

// Read returns the variables of those names that exist.
func (s *Store) Read(ctx context.Context, ref store.Ref, names ...string) (store.Snapshot, error) {
	if len(names) > store.MaxOps {
		return store.Snapshot{}, fault.Newf(fault.InvalidRequest, "At most %d variables can be read at once.", store.MaxOps)
	}
	return look(ctx, s, ref, func(tx *tx, ses *session) (store.Snapshot, error) {
		snapshot := store.Snapshot{
			Variables: make(map[string]store.Variable, len(names)), At: moment(tx.now), Commands: ses.commands,
		}
		for _, name := range names {
			c, err := tx.findCell(ses.body, name)
			if err != nil {
				return snapshot, err
			}
			if c.lives() {
				snapshot.Variables[name] = c.variable()
			}
		}
		return snapshot, nil
	})
}

package sqlitestore

import (
	"context"
	"database/sql/driver"
	"strings"

	"toolpit/internal/store"
	"toolpit/internal/value"
)

// lookedAt is after a look at how many rows a page of variables is handed out
// short.
const lookedAt = 1000

// The names are compared byte by byte: that is SQLite's order of text.
const selectVariables = "SELECT " + cellColumns + ", name FROM variables WHERE body = ? AND name >= ? ORDER BY name LIMIT ?"

// ListVariables pages through a session's variables.
func (s *Store) ListVariables(ctx context.Context, ref store.Ref, q store.VariableQuery) (store.VariablePage, error) {
	if err := q.Check(); err != nil {
		return store.VariablePage{}, err
	}
	return look(ctx, s, ref, func(tx *tx, ses *session) (store.VariablePage, error) {
		return tx.listVariables(ses.body, q)
	})
}

func (tx *tx) listVariables(body int64, q store.VariableQuery) (store.VariablePage, error) {
	var page store.VariablePage
	from := q.Prefix
	if q.After != "" {
		from = max(from, q.After+"\x00") // the least text that is greater
	}
	looked, bytes, last := 0, int64(0), ""
	err := tx.c.each(selectVariables, []driver.Value{body, from, int64(lookedAt + 1)}, func(r row) (bool, error) {
		name := r.text(11)
		if !strings.HasPrefix(name, q.Prefix) {
			return false, nil // the range is over
		}
		wanted := wants(q, r) && q.Wants(name)
		if looked == lookedAt || bytes > store.PageBytes || (wanted && len(page.Items) == q.Limit) {
			page.Next = last
			return false, nil
		}
		looked, last = looked+1, name
		if !wanted {
			return true, nil
		}
		c, err := cellOf(name, r)
		v := c.variable()
		page.Items = append(page.Items, v)
		bytes += v.Size()
		return true, err
	})
	return page, err
}

// wants tells whether a row is a variable of the type that is asked for.
func wants(q store.VariableQuery, r row) bool {
	letter := r.text(0)
	if letter == "" || q.Type == 0 {
		return letter != ""
	}
	typ, ok := value.TypeOfLetter(letter[0])
	return !ok || typ == q.Type // an unknown one is for cellOf to refuse
}

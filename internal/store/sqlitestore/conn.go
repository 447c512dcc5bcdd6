package sqlitestore

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"modernc.org/sqlite"
)

// conn is a connection with its prepared statements. One goroutine uses it at
// a time. It speaks to the driver directly: rows come as they are, without
// reflection, and a statement is not given the caller's context, for which the
// driver starts a goroutine and takes twice the time.
type conn struct {
	raw    rawConn
	stmts  map[string]rawStmt
	args   []driver.NamedValue // reused by every call
	cells  []driver.Value      // reused by every call
	broken bool                // must be closed instead of used again

	executed int // statements run by exec, which is what all that write are run by
}

type rawConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ExecerContext
}

type rawStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// row is one row of an answer. It is valid until the connection's next call.
type row []driver.Value

// The accessors return zero for NULL, which is how the driver also hands out
// an empty blob.

func (r row) int(i int) int64 {
	n, _ := r[i].(int64)
	return n
}

func (r row) text(i int) string {
	s, _ := r[i].(string)
	return s
}

func (r row) blob(i int) []byte {
	b, _ := r[i].([]byte)
	return b
}

func connect(ctx context.Context, dsn string) (*conn, error) {
	connector, err := sqlite.NewConnector(dsn)
	if err != nil {
		return nil, err
	}
	opened, err := connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	raw, ok := opened.(rawConn)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's %T lacks methods", opened), opened.Close())
	}
	return &conn{raw: raw, stmts: make(map[string]rawStmt)}, nil
}

func (c *conn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.raw.Close())...)
}

// script runs statements that are not worth preparing.
func (c *conn) script(ctx context.Context, text string) error {
	_, err := c.raw.ExecContext(ctx, text, nil)
	return err
}

// stmt returns the prepared statement of a text.
func (c *conn) stmt(text string) (rawStmt, error) {
	if s, ok := c.stmts[text]; ok {
		return s, nil
	}
	prepared, err := c.raw.PrepareContext(context.Background(), text)
	if err != nil {
		return nil, err
	}
	s, ok := prepared.(rawStmt)
	if !ok {
		return nil, errors.Join(fmt.Errorf("the driver's %T lacks methods", prepared), prepared.Close())
	}
	c.stmts[text] = s
	return s, nil
}

func (c *conn) bind(args []driver.Value) []driver.NamedValue {
	c.args = c.args[:0]
	for i, a := range args {
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return c.args
}

// exec runs a statement that answers with no rows. It takes no context: a
// statement is a matter of microseconds, and whatever may wait for a lock is
// run by begin.
func (c *conn) exec(text string, args ...driver.Value) (driver.Result, error) {
	c.executed++
	s, err := c.stmt(text)
	if err != nil {
		return nil, err
	}
	return s.ExecContext(context.Background(), c.bind(args))
}

// affect runs a statement and counts the rows it affected.
func (c *conn) affect(text string, args ...driver.Value) (int64, error) {
	result, err := c.exec(text, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// one returns the first row of an answer, or nil.
func (c *conn) one(text string, args ...driver.Value) (row, error) {
	var first row
	err := c.each(text, args, func(r row) (more bool, err error) {
		first = r
		return false, nil
	})
	return first, err
}

// each calls f with each row of an answer until f wants no more. f must make
// no call on the connection. The driver copies the name and the declared type of
// each column, every time; +column AS "" has neither, which saves half of
// what a read allocates.
func (c *conn) each(text string, args []driver.Value, f func(row) (more bool, err error)) (err error) {
	s, err := c.stmt(text)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), c.bind(args))
	if err != nil {
		return err
	}
	defer func() {
		if e := rows.Close(); err == nil {
			err = e
		}
	}()
	width := len(rows.Columns())
	if cap(c.cells) < width {
		c.cells = make([]driver.Value, width)
	}
	cells := c.cells[:width]
	for {
		switch err := rows.Next(cells); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if more, err := f(row(cells)); err != nil || !more {
			return err
		}
	}
}

// pool hands out connections to one goroutine at a time, in the order in which
// they asked, and opens each when it is needed for the first time.
type pool struct {
	open   func(context.Context) (*conn, error)
	slots  chan *conn // nil stands for a connection that is not open
	closed chan struct{}
}

func newPool(size int, open func(context.Context) (*conn, error)) *pool {
	p := &pool{open: open, slots: make(chan *conn, size), closed: make(chan struct{})}
	for range size {
		p.slots <- nil
	}
	return p
}

// errClosed refuses calls on a store that was closed.
var errClosed = errors.New("the store is closed")

func (p *pool) take(ctx context.Context) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var c *conn
	select {
	case <-p.closed:
		return nil, errClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	case c = <-p.slots:
	}
	return p.ready(ctx, c)
}

// ready opens a connection that is not open.
func (p *pool) ready(ctx context.Context, c *conn) (*conn, error) {
	if c != nil {
		return c, nil
	}
	c, err := p.open(ctx)
	if err != nil {
		p.slots <- nil
		return nil, err
	}
	return c, nil
}

func (p *pool) give(c *conn) {
	if c.broken {
		_ = c.close() // its state is unknown; what it would say is of no use
		c = nil
	}
	p.slots <- c
}

// close refuses further calls, waits for those under way and closes the
// connections.
func (p *pool) close() error {
	close(p.closed)
	var errs []error
	for range cap(p.slots) {
		if c := <-p.slots; c != nil {
			errs = append(errs, c.close())
		}
	}
	return errors.Join(errs...)
}

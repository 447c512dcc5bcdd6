package sqlitestore

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"toolpit/internal/store"
)

// The layout of a write-ahead log, see https://www.sqlite.org/fileformat2.html.
const (
	logHeaderLen   = 32
	frameHeaderLen = 24
	logMagic       = 0x377f0682 // the lowest bit says in which order checksums read
	maxPageLen     = 65536
)

const (
	inspections  = 4 // a log that another process writes to looks damaged for an instant
	inspectPause = 20 * time.Millisecond
)

// inspectLog refuses a file whose write-ahead log was damaged after it had been
// moved into the file in part.
//
// To SQLite a damaged frame is the end of the log. What is behind it is gone,
// and that leaves a state that once was, unless a checkpoint has moved frames
// from behind the damage into the file: pages that the log has an older version
// of are then seen as they were, the others as they became. SQLite opens such
// a mixture, and what comes of it are wrong values.
func inspectLog(ctx context.Context, path string) error {
	for i := 0; ; i++ {
		bad, err := mixed(path)
		if err != nil || bad < 0 {
			return err
		}
		if i == inspections {
			return &store.Unfit{Reason: fmt.Sprintf(
				"its write-ahead log is damaged (frame %d), and the file has parts of what was logged after that; restore a backup", bad)}
		}
		if err := sleep(ctx, inspectPause); err != nil {
			return err
		}
	}
}

// mixed returns the number of the first damaged frame of a log if the file has
// something from behind it, else -1.
func mixed(path string) (int, error) {
	log, err := os.Open(path + "-wal")
	if errors.Is(err, fs.ErrNotExist) {
		return -1, nil
	}
	if err != nil {
		return -1, err
	}
	defer func() { _ = log.Close() }()
	r, ok := readLogHeader(bufio.NewReaderSize(log, 1<<20))
	if !ok {
		return -1, nil // SQLite does without the whole log, and so mixes nothing
	}
	behind, err := r.behind()
	if err != nil || len(behind) == 0 {
		return -1, err
	}
	// Closing it drops the locks that this process has on it, see create. Only
	// one store of a process that opens a damaged log again could have any.
	file, err := os.Open(path)
	if err != nil {
		return -1, err
	}
	defer func() { _ = file.Close() }()
	for _, tx := range behind {
		if moved, err := tx.isIn(file, log, r.pageLen); err != nil || moved {
			return r.bad, err
		}
	}
	return -1, nil
}

// logReader goes through the frames of a log.
type logReader struct {
	in      *bufio.Reader
	pageLen int
	salts   [8]byte
	sum     checksum
	bad     int // number of the first frame that is not valid, or not there
}

// readLogHeader returns false for a log that has no valid header.
func readLogHeader(in *bufio.Reader) (*logReader, bool) {
	var h [logHeaderLen]byte
	if _, err := io.ReadFull(in, h[:]); err != nil {
		return nil, false
	}
	magic, pageLen := binary.BigEndian.Uint32(h[:]), binary.BigEndian.Uint32(h[8:])
	if magic&^1 != logMagic || pageLen > maxPageLen || pageLen&(pageLen-1) != 0 || pageLen < 512 {
		return nil, false
	}
	r := &logReader{in: in, pageLen: int(pageLen), salts: [8]byte(h[16:24])}
	r.sum.order = binary.LittleEndian
	if magic&1 != 0 {
		r.sum.order = binary.BigEndian
	}
	r.sum.add(h[:24])
	return r, r.sum.is(h[24:])
}

// checksum is that of a log up to some place.
type checksum struct {
	order binary.ByteOrder
	a, b  uint32
}

func (c *checksum) add(data []byte) {
	for ; len(data) >= 8; data = data[8:] {
		c.a += c.order.Uint32(data) + c.b
		c.b += c.order.Uint32(data[4:]) + c.a
	}
}

func (c *checksum) is(stored []byte) bool {
	return binary.BigEndian.Uint32(stored) == c.a && binary.BigEndian.Uint32(stored[4:]) == c.b
}

// logged are the pages that a transaction left in a log: where the last version
// of each begins.
type logged map[uint32]int64

// behind returns the transactions of a log that SQLite will not see because of
// a frame that is not valid, without that frame. A log that was only cut short
// by the end of its process has none, or one that was never finished.
func (r *logReader) behind() ([]logged, error) {
	var all []logged
	open := logged{}
	frame := make([]byte, frameHeaderLen+r.pageLen)
	intact := true
	for n := 0; ; n++ {
		if _, err := io.ReadFull(r.in, frame); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		} else if err != nil {
			return nil, err
		}
		own := bytes.Equal(frame[8:16], r.salts[:])
		ends := own && binary.BigEndian.Uint32(frame[4:]) != 0
		hit := intact && !r.valid(frame, own)
		if intact {
			r.bad = n + 1 // unless it is this one
		}
		if hit {
			intact, r.bad = false, n
		}
		if own && !hit {
			at := int64(logHeaderLen) + int64(n)*int64(len(frame)) + frameHeaderLen
			open[binary.BigEndian.Uint32(frame)] = at
		}
		if ends && !intact {
			all = append(all, open)
		}
		if ends {
			open = logged{}
		}
	}
	if len(open) > 0 { // it may lack its end because that is what was damaged
		all = append(all, open)
	}
	return all, nil
}

// valid tells whether a frame continues the valid part of the log.
func (r *logReader) valid(frame []byte, own bool) bool {
	if !own {
		return false
	}
	r.sum.add(frame[:8])
	r.sum.add(frame[frameHeaderLen:])
	return r.sum.is(frame[16:])
}

// isIn tells whether the file has all pages of a transaction as the log has
// them. Each transaction changes at least a sequence number, so that a page is
// not like that by chance.
func (l logged) isIn(file, log io.ReaderAt, pageLen int) (bool, error) {
	now, then := make([]byte, pageLen), make([]byte, pageLen)
	for page, at := range l {
		if page == 0 {
			return false, nil // there is none
		}
		whole, err := readPage(log, then, at)
		if err != nil || !whole {
			return false, err
		}
		whole, err = readPage(file, now, (int64(page)-1)*int64(pageLen))
		if err != nil || !whole || !bytes.Equal(now, then) {
			return false, err
		}
	}
	return len(l) > 0, nil
}

// readPage returns false where there is not a whole page.
func readPage(from io.ReaderAt, page []byte, at int64) (bool, error) {
	n, err := from.ReadAt(page, at)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n == len(page), err
}

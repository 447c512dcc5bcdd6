package tools

import (
	"context"
	"fmt"
	"io"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/slicing"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

// StageTensor keeps a tensor's bytes, row-major and little-endian, where nobody
// sees them until Apply gives them to a variable, and returns the content to
// give. It reads as many bytes as the shape says. What no Apply takes is dropped
// when the tool has ended. Errors: that of elements, those of
// store.Blobs.Stage, DeadlineExceeded, Cancelled.
func (c *Call) StageTensor(ctx context.Context, d value.Dtype, shape []int64, elements io.Reader) (store.Content, error) {
	c.mustHaveSession("StageTensor")
	size, ok := value.Size(d, shape)
	if !ok {
		return store.Content{}, fmt.Errorf("tools: no tensor of %s has the shape %v", d, shape)
	}
	u, digest, err := c.stage(ctx, size, elements)
	if err != nil {
		return store.Content{}, err
	}
	c.staged = append(c.staged, u)
	v, err := value.Descriptor{Dtype: d, Shape: shape, Order: value.RowMajor, Bytes: size, Digest: digest}.Value()
	if err != nil {
		return store.Content{}, err
	}
	return store.Content{Value: v, Upload: &u}, nil
}

func (c *Call) stage(ctx context.Context, size int64, elements io.Reader) (u store.Upload, digest string, err error) {
	w := store.NewBlobWriter(ctx, c.run.engine.store, c.Session(), size)
	defer func() {
		if dropped := w.Close(); dropped != nil {
			c.Log().Debug("staged bytes wait for their end", "error", dropped)
		}
	}()
	own := timed{r: io.LimitReader(elements, size)}
	start := time.Now()
	if _, err = w.ReadFrom(&own); err == nil {
		u, digest, err = w.Finish()
	}
	if err == nil {
		w.Keep()
	}
	return u, digest, c.told(ctx, start.Add(own.took), err)
}

// timed tells how long reading took, which is the tool's time and not the
// store's.
type timed struct {
	r    io.Reader
	took time.Duration
}

// Read reads and adds the time.
func (t *timed) Read(p []byte) (int, error) {
	start := time.Now()
	n, err := t.r.Read(p)
	t.took += time.Since(start)
	return n, err
}

// dropStaged drops what was staged and not taken. After an outage nobody knows
// whether it was; then it goes by itself.
func (c *Call) dropStaged(ctx context.Context) {
	if c.effect && !c.replay || c.broken != nil {
		return
	}
	for _, u := range c.staged {
		start := time.Now()
		if err := c.run.engine.store.Discard(afterwards(ctx), c.Session(), u); err != nil {
			c.Log().Debug("staged bytes wait for their end", "error", err)
		}
		c.inStore += time.Since(start)
	}
}

// ReadTensor returns a tensor's elements, row-major whatever order they are kept
// in, and little-endian. Errors: ConstraintViolation for one of more than
// slicing.MaxTurned bytes, those of store.Blobs.Chunk, DeadlineExceeded,
// Cancelled.
func (c *Call) ReadTensor(ctx context.Context, d value.Descriptor) ([]byte, error) {
	c.mustHaveSession("ReadTensor")
	if d.Bytes > slicing.MaxTurned {
		return nil, fault.Newf(fault.ConstraintViolation, "The tensor has %d bytes; tools read up to %d.", d.Bytes, slicing.MaxTurned)
	}
	r := store.NewBlobReader(ctx, c.run.engine.store, c.Session(), d.Digest, d.Bytes)
	start := time.Now()
	elements := make([]byte, d.Bytes)
	_, err := io.ReadFull(r, elements)
	if closed := r.Close(); err == nil {
		err = closed
	}
	if err = c.told(ctx, start, err); err != nil {
		return nil, err
	}
	if d.Order == value.ColumnMajor {
		elements = slicing.Gather(make([]byte, 0, d.Bytes), elements, slicing.Whole(d.Shape).Ranges(int(d.Dtype.Size()), true))
	}
	return elements, nil
}

package sqlitestore

import (
	"context"

	"toolpit/internal/store"
)

const selectAnswer = "SELECT at, fingerprint, memo FROM answers WHERE owner = ? AND token = ?"

// recall returns what is stored under a token and still counts.
func (tx *tx) recall(owner string, w store.Write) (memo []byte, found bool, err error) {
	r, err := tx.c.one(selectAnswer, owner, []byte(w.Token.Bytes()))
	if err != nil || r == nil || tx.now-r.int(0) >= tx.cfg.KeyTTL.Milliseconds() {
		return nil, false, err
	}
	if w.Token.Keyed() && string(r.blob(1)) != string(w.Fingerprint[:]) {
		return nil, false, store.ReusedKey()
	}
	return r.blob(2), true, nil
}

// Recall returns what was stored under w's token.
func (s *Store) Recall(ctx context.Context, owner string, w store.Write) (memo []byte, found bool, err error) {
	err = s.view(ctx, func(tx *tx) (err error) {
		memo, found, err = tx.recall(owner, w)
		return err
	})
	return memo, found, err
}

const upsertAnswer = `
INSERT INTO answers (owner, token, at, fingerprint, memo) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (owner, token) DO UPDATE SET at = excluded.at, fingerprint = excluded.fingerprint, memo = excluded.memo`

// Remember stores memo unless something is stored already.
func (s *Store) Remember(ctx context.Context, owner string, w store.Write, memo []byte) (store.Remembered, error) {
	if len(memo) > store.MaxAnswer {
		return store.Remembered{}, store.TooLargeAnswer(len(memo))
	}
	if err := w.Check(); err != nil {
		return store.Remembered{}, err
	}
	var kept store.Remembered
	err := s.mutate(ctx, func(tx *tx) (err error) {
		kept.Memo, kept.Replayed, err = tx.recall(owner, w)
		if err != nil || kept.Replayed {
			return err
		}
		if len(memo) > 0 {
			kept.Memo = memo
		}
		_, err = tx.c.exec(upsertAnswer, owner, []byte(w.Token.Bytes()), tx.now, w.Fingerprint[:], append([]byte{}, memo...))
		return err
	})
	return only(kept, err)
}

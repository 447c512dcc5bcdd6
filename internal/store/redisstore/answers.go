package redisstore

import (
	"context"
	"errors"

	"toolpit/internal/store"
)

// Recall implements store.Answers.
func (s *Store) Recall(ctx context.Context, owner string, w store.Write) (memo []byte, found bool, err error) {
	if err := w.Check(); err != nil {
		return nil, false, err
	}
	// What is found must be as durable as when it was made, so this is a query
	// whose answer waits for replicas.
	reply, err := s.send(ctx, command{
		script: s.scripts.recall, keys: []string{answerKey(owner, w.Token)},
		args: []string{s.offset(), fingerprint(w), itoa(s.cfg.KeyTTL.Milliseconds()), "0"}, replicas: s.confirmed(w),
	}, false)
	if err != nil {
		return nil, false, err
	}
	return answerOf(reply)
}

// Remember implements store.Answers.
func (s *Store) Remember(ctx context.Context, owner string, w store.Write, memo []byte) (store.Remembered, error) {
	if err := w.Check(); err != nil {
		return store.Remembered{}, err
	}
	if len(memo) > store.MaxAnswer {
		return store.Remembered{}, store.TooLargeAnswer(len(memo))
	}
	reply, err := s.mutate(ctx, w, s.scripts.recall, []string{answerKey(owner, w.Token)},
		[]string{s.offset(), fingerprint(w), itoa(s.cfg.KeyTTL.Milliseconds()), "1", string(memo)})
	if err != nil {
		return store.Remembered{}, err
	}
	first, _, err := answerOf(reply)
	return store.Remembered{Memo: first, Replayed: len(reply) > 0 && reply[0] == "R"}, err
}

func answerOf(reply []string) (memo []byte, found bool, err error) {
	switch {
	case len(reply) == 2:
		return []byte(reply[1]), true, nil
	case len(reply) == 1:
		return nil, false, nil
	case len(reply) == 3:
		return nil, false, sessionRefusal(reply[1], 0, nil)
	default:
		return nil, false, damaged(errors.New("an empty reply"))
	}
}

// fingerprint returns what a record outside sessions is compared by: minted
// tokens are never reused, so theirs are all alike.
func fingerprint(w store.Write) string {
	if !w.Token.Keyed() {
		w.Fingerprint = [32]byte{}
	}
	return string(w.Fingerprint[:])
}

package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"toolpit/internal/store"
)

// found is what lua/past.lua tells of a variable.
type found struct {
	now  store.Variable
	old  []store.Variable // newest first
	more bool             // there are older ones
}

// past runs lua/past.lua for pairs of a name and what is wanted of it.
func (s *Store) past(ctx context.Context, ref store.Ref, pairs []string) ([]found, error) {
	limits := s.cfg.Limits
	args := append(make([]string, 0, 5+len(pairs)), s.settings(), itoa(s.slots()), itoa(limits.History-1), itoa(limits.HistoryBytes), itoa(store.PageBytes))
	args = append(args, pairs...)
	reply, err := s.query(ctx, s.scripts.past, sessionKeys(ref, 0), args)
	if err != nil {
		return nil, err
	}
	if len(reply) >= 2 && reply[0] == "E" {
		return nil, sessionRefusal(reply[1], 0, nil)
	}
	rest := reply[min(1, len(reply)):]
	var all []found
	for i := 0; i < len(pairs); i += 2 {
		if len(rest) < 2 {
			return nil, damaged(errors.New("a short answer about the past"))
		}
		var f found
		if f.now, err = parseVariable(pairs[i], rest[0]); err != nil {
			return nil, err
		}
		number, more := strings.CutSuffix(rest[1], "+")
		f.more = more
		n, err := strconv.Atoi(number)
		if rest = rest[2:]; err != nil || n < 0 || n > len(rest) {
			return nil, damaged(fmt.Errorf("%d old records in an answer about the past", n))
		}
		for _, rec := range rest[:n] {
			v, err := parseVariable(pairs[i], rec)
			if err != nil {
				return nil, err
			}
			v.Created, v.Constraints = store.Variable{}.Created, ""
			f.old = append(f.old, v)
		}
		rest = rest[n:]
		all = append(all, f)
	}
	return all, nil
}

// History implements store.Variables.
func (s *Store) History(ctx context.Context, ref store.Ref, name string, before int64, limit int) (store.VersionPage, error) {
	if limit < 1 {
		return store.VersionPage{}, nil
	}
	all, err := s.past(ctx, ref, []string{name, fmt.Sprintf("h%d %d", max(before, 0), limit)})
	if err != nil {
		return store.VersionPage{}, err
	}
	now, page, more := all[0].now, store.VersionPage{Items: all[0].old}, all[0].more
	if now.Version == 0 {
		return store.VersionPage{}, store.NoVariable(name)
	}
	if before <= 0 || now.Version < before {
		page.Items = append([]store.Variable{now}, page.Items...)
	}
	if len(page.Items) > limit {
		page.Items, more = page.Items[:limit], true
	}
	if more {
		page.Next = page.Items[len(page.Items)-1].Version
	}
	return page, nil
}

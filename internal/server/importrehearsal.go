package server

import (
	"context"
	"errors"
	"time"

	"toolpit/api"
	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// rehearse answers what would be done.
func (j *importJob) rehearse(ctx context.Context, x *exchange, id *string) (api.ImportSessionResponseObject, error) {
	report := api.ImportReport{DryRun: true}
	j.fresh = true
	if id != nil {
		j.ref.ID = *id
		session, err := j.service.store.Get(ctx, j.ref)
		switch {
		case err == nil:
			j.fresh = false
			report.Session = new(toSession(session))
		case !errors.Is(err, fault.SessionNotFound) && !errors.Is(err, fault.SessionExpired):
			return nil, err
		}
	}
	if err := j.decide(ctx); err != nil {
		return nil, err
	}
	if err := j.opens(ctx); err != nil {
		return nil, err
	}
	j.fill(&report)
	return api.ImportSession200JSONResponse{Body: report, Headers: api.ImportSession200ResponseHeaders{ServerTiming: x.stored(j.start)}}, nil
}

// opens refuses an import that would meet a lock, or a session that is
// read-only. Only a unit is told of those; this one would delete what is to be
// overwritten, which needs the same locks, but for its last operation: no variable
// has that version, and with that nothing is done.
func (j *importJob) opens(ctx context.Context) error {
	if j.fresh {
		return nil
	}
	var over []int
	for i, f := range j.fates {
		if f == overwrites {
			over = append(over, i)
		}
	}
	for first := 0; first == 0 || first < len(over); first += store.MaxOps - 1 {
		part := over[first:min(first+store.MaxOps-1, len(over))]
		u := store.Unit{Write: store.Write{Token: store.MintToken(time.Now()), By: writer}, LockToken: j.lock}
		for _, i := range part {
			u.Ops = append(u.Ops, store.Delete(j.variables[i].name))
		}
		u.Ops = append(u.Ops, store.Load("no variable has this name").IfVersion(-1))
		_, err := j.service.store.Apply(ctx, j.ref, u)
		refused, ok := errors.AsType[*store.OpError](err)
		switch {
		case !ok:
			return err
		case refused.Index < len(part):
			return within(string(j.variables[part[refused.Index]].at), refused.Err)
		}
	}
	return nil
}

// room refuses what would go beyond a session's quotas before it is begun, as
// far as that is certain: what the store keeps beside values, and what overwriting
// takes or frees, it knows alone, and bytes of tensors may be there already.
func (j *importJob) room(usage store.Usage) error {
	var added, bytes int64
	for i, v := range j.variables {
		if j.fates[i] == creates {
			added++
			bytes += v.size
		}
	}
	if j.fresh {
		for digest := range j.needed() {
			bytes += j.blobs[digest].bytes
		}
	}
	switch n, b := usage.Variables+added, usage.Bytes+bytes; {
	case added > 0 && n > usage.Limits.Variables:
		return store.TooManyVariables(n, usage.Limits.Variables)
	case added > 0 && b > usage.Limits.SessionBytes:
		return store.TooManyBytes(b, usage.Limits.SessionBytes)
	}
	return nil
}

// needed returns the digests that variables name.
func (j *importJob) needed() map[string]bool {
	digests := map[string]bool{}
	for _, v := range j.variables {
		if v.digest != "" {
			digests[v.digest] = true
		}
	}
	return digests
}

package sqlitestore

import (
	"toolpit/internal/fault"
	"toolpit/internal/store"
)

// What a result has beside its variable; bits of one byte.
const (
	hasLock    = 1
	hasRefusal = 2
)

func (p *packer) result(r store.Result) {
	p.bool(r.Existed)
	p.variable(r.Variable)
	has := byte(0)
	if r.Lock != nil {
		has |= hasLock
	}
	if r.Refused != nil {
		has |= hasRefusal
	}
	p.byte(has)
	if r.Lock != nil {
		p.text(r.Lock.Token)
		p.text(r.Lock.Holder)
		p.int(r.Lock.Fence)
		p.time(r.Lock.Expires)
	}
	if r.Refused != nil {
		p.refusal(r.Refused)
	}
}

func (u *unpacker) result() store.Result {
	r := store.Result{Existed: u.bool(), Variable: u.variable()}
	if u.version < 2 {
		return r
	}
	has := u.byte()
	if has&hasLock != 0 {
		r.Lock = &store.Lock{Token: u.text(), Holder: u.text(), Fence: u.int(), Expires: u.time()}
	}
	if has&hasRefusal != 0 {
		r.Refused = u.refusal()
	}
	return r
}

// refusal writes what a client may see of a fault.
func (p *packer) refusal(e *fault.Error) {
	p.text(string(e.Code))
	p.text(e.Detail)
	p.int(int64(len(e.Violations)))
	for _, v := range e.Violations {
		p.text(v.Pointer)
		p.text(string(v.Code))
		p.text(v.Detail)
	}
	f := e.Facts
	for _, n := range []int64{f.CurrentVersion, f.LimitBytes, f.Limit, f.Current, f.TimeoutMS} {
		p.int(n)
	}
	p.text(f.Phase)
	p.text(f.ErrorType)
	p.texts(f.Allow)
	p.texts(f.Suggestions)
	p.bool(f.Position != nil)
	if f.Position != nil {
		p.int(int64(*f.Position))
	}
	p.text(f.Holder)
	p.bool(!f.Expires.IsZero())
	if !f.Expires.IsZero() {
		p.time(f.Expires)
	}
}

func (u *unpacker) refusal() *fault.Error {
	e := &fault.Error{Code: fault.Code(u.text()), Detail: u.text()}
	for range u.count() {
		e.Violations = append(e.Violations, fault.Violation{Pointer: u.text(), Code: fault.Code(u.text()), Detail: u.text()})
	}
	f := &e.Facts
	for _, n := range []*int64{&f.CurrentVersion, &f.LimitBytes, &f.Limit, &f.Current, &f.TimeoutMS} {
		*n = u.int()
	}
	f.Phase, f.ErrorType, f.Allow, f.Suggestions = u.text(), u.text(), u.texts(), u.texts()
	if u.bool() {
		position := int(u.int())
		f.Position = &position
	}
	f.Holder = u.text()
	if u.bool() {
		f.Expires = u.time()
	}
	return e
}

func (p *packer) texts(all []string) {
	p.int(int64(len(all)))
	for _, s := range all {
		p.text(s)
	}
}

func (u *unpacker) texts() []string {
	var all []string
	for range u.count() {
		all = append(all, u.text())
	}
	return all
}

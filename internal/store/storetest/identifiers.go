package storetest

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"toolpit/internal/store"
)

// oddities are texts that a careless encoding confuses, truncates or obeys.
func oddities() []string {
	return []string{
		" ", "a b", "tab\tand\nline", "nul\x00inside", "\x00", "\x00\x00", "ends with nul\x00",
		"{a}", "{}", "}{", "a{b}c", "{", ":", "a:b:c", "::", "%", "%00", "%s%d%n", "100%25",
		"'", `"`, "`", `\`, `\\x00`, "'; DROP TABLE sessions; --", "*", "?", "[a-z]", "_", "a_b",
		"/", "../..", "a/b", ".", "|", "-", "+", "=", "#", "&", "~", ",", ";", "$1", "$", "@",
		"é", "e\u0301", "ÄÖÜ", "äöü", "日本語", "💥👩‍👩‍👧", "\u202eabc", "\ufeffbom", "\u2028", "ſ", "K",
		"null", "nil", "true", "0", "-1", "1e3", "NaN", "__proto__", "KEYS", "\r\n$3\r\nfoo\r\n",
		"Case", "case", "CASE", "trailing ", "trailing", " leading",
	}
}

func testIdentifiers(t *testing.T, open opener) {
	long := strings.Repeat("x", 256)
	texts := append(oddities(), long[:255]+"y", long, strings.Repeat("💥", 64))

	t.Run("a session's id can be any text", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		s.wantApart(t, refsOf(texts, func(odd string) store.Ref { return store.Ref{Owner: s.owner, ID: odd} }))
		wantEqual(t, "list", s.list(t, 7), texts)
	})

	t.Run("an owner can be any text", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		id := store.MintID()
		s.wantApart(t, refsOf(texts, func(odd string) store.Ref { return store.Ref{Owner: odd, ID: id} }))
		for _, odd := range texts {
			// Others may have sessions under the same odd owner.
			page, err := s.List(t.Context(), odd, store.Page{Limit: 1})
			wantNoError(t, err)
			for _, item := range page.Items {
				if item.Owner != odd {
					t.Errorf("the list of %q shows a session of %q", odd, item.Owner)
				}
			}
		}
	})

	t.Run("owners and ids do not run into each other", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		var refs []store.Ref
		for _, sep := range []string{"", ":", "\x00", "/", "%", "{", "}", "|", ".", "-", "_", "\\", "%00", "%3A", "\x01", "\xc2\xa0"} {
			tag := rand.Text()
			refs = append(refs,
				store.Ref{Owner: tag + "a" + sep + "b", ID: "c"},
				store.Ref{Owner: tag + "a", ID: "b" + sep + "c"},
				store.Ref{Owner: tag + "a" + sep, ID: "b" + sep + "c"},
				store.Ref{Owner: tag + "a", ID: sep + "b" + sep + "c"},
			)
		}
		unique := refs[:0]
		seen := map[store.Ref]bool{}
		for _, ref := range refs {
			if !seen[ref] {
				seen[ref] = true
				unique = append(unique, ref)
			}
		}
		s.wantApart(t, unique)
	})

	t.Run("ids and names do not run into each other", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		for _, sep := range []string{"", ":", "\x00", "/", "%", "{", "|", "."} {
			tag := rand.Text()
			a := store.Ref{Owner: s.owner, ID: tag}
			b := store.Ref{Owner: s.owner, ID: tag + "x" + sep}
			s.createAt(t, a, lifetime, store.Put("x"+sep+"y", number(1)), store.Put("y", number(2)))
			s.createAt(t, b, lifetime, store.Put("y", number(3)))
			s.apply(t, b, store.Add("y", 10))
			wantEqual(t, "variables", s.values(t, a, "x"+sep+"y", "y"), map[string]string{"x" + sep + "y": "1", "y": "2"})
		}
	})

	t.Run("a variable's name can be any text", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		names := append(oddities(), strings.Repeat("x", store.MaxNameLen), strings.Repeat("x", store.MaxNameLen-1))
		want := map[string]string{}
		for i, name := range names {
			s.apply(t, ref, store.Create(name, number(int64(i))))
			s.apply(t, ref, store.Add(name, 1000))
			want[name] = fmt.Sprint(1000 + i)
		}
		wantEqual(t, "variables", s.values(t, ref, names...), want)
		for i, change := range s.changes(t, ref) {
			if got := change.Items[0].Name; got != names[i/2] {
				t.Errorf("change %d is of %q, want %q", i, got, names[i/2])
			}
		}
		for _, name := range names {
			if r := s.apply(t, ref, store.Delete(name)).Results[0]; !r.Existed || r.Name != name {
				t.Errorf("deleted %q, existed %v, want %q", r.Name, r.Existed, name)
			}
			delete(want, name)
			if len(want)%16 == 0 {
				wantEqual(t, "variables", s.values(t, ref, names...), want)
			}
		}
	})

	t.Run("labels and writers can be any text", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.newRef()
		labels := map[string]string{}
		for i, odd := range oddities()[:store.MaxLabels] {
			labels[odd] = texts[len(texts)-1-i]
		}
		_, err := s.Create(t.Context(), ref, store.NewSession{Write: minted(), TTL: lifetime, Labels: labels})
		wantNoError(t, err)
		wantEqual(t, "labels", s.get(t, ref).Labels, labels)
		for odd := range labels {
			labels[odd] += "!"
			_, err := s.Update(t.Context(), ref, store.SessionUpdate{Write: minted(), Labels: map[string]*string{odd: new(labels[odd])}})
			wantNoError(t, err)
		}
		wantEqual(t, "updated labels", s.get(t, ref).Labels, labels)

		for _, by := range append(oddities(), "", strings.Repeat("w", store.MaxWriterLen)) {
			w := minted()
			w.By = by
			s.applyUnit(t, ref, store.Unit{Write: w, Ops: []store.Op{store.Put("a", number(1))}})
			if got := s.read(t, ref, "a").Variables["a"].By; got != by {
				t.Errorf("the writer %q became %q", by, got)
			}
			changes := s.changes(t, ref)
			if got := changes[len(changes)-1].By; got != by {
				t.Errorf("the change's writer %q became %q", by, got)
			}
		}
	})

	t.Run("a key can be any text", func(t *testing.T) {
		t.Parallel()
		s := newSubject(t, open, store.Config{})
		ref := s.create(t, lifetime)
		for i, key := range append(texts, "") {
			u := store.Unit{Write: keyed(key, key), Count: true}
			if got := s.applyUnit(t, ref, u); got.Replayed || got.Commands != int64(i+1) {
				t.Errorf("key %q: replayed %v, commands %d, want a first application", key, got.Replayed, got.Commands)
			}
			if got := s.applyUnit(t, ref, u); !got.Replayed {
				t.Errorf("key %q was forgotten", key)
			}
		}
	})
}

// refsOf names a session for each text.
func refsOf(texts []string, name func(string) store.Ref) []store.Ref {
	refs := make([]store.Ref, len(texts))
	for i, odd := range texts {
		refs[i] = name(odd)
	}
	return refs
}

// wantApart makes sessions and requires that each keeps to itself.
func (s *subject) wantApart(t *testing.T, refs []store.Ref) {
	t.Helper()
	for i, ref := range refs {
		s.clock.Advance(2 * time.Millisecond) // for the order of the list
		if created := s.createAt(t, ref, lifetime); created.Ref != ref {
			t.Fatalf("session %q of %q came back as %q of %q", ref.ID, ref.Owner, created.ID, created.Owner)
		}
		u := store.Unit{Write: keyed("key", fmt.Sprint(i)), Count: true, Ops: []store.Op{store.Create("mine", number(int64(i)))}}
		if applied := s.applyUnit(t, ref, u); applied.Replayed || applied.Commands != 1 || applied.Seq != 1 {
			t.Fatalf("session %q of %q is not new: %+v", ref.ID, ref.Owner, applied)
		}
	}
	for i, ref := range refs {
		if session := s.get(t, ref); session.Ref != ref || session.Commands != 1 || session.Variables != 1 {
			t.Errorf("session %q of %q became %+v", ref.ID, ref.Owner, session)
		}
		if got := s.integer(t, ref, "mine"); got != int64(i) {
			t.Errorf("session %q of %q has the variable of another", ref.ID, ref.Owner)
		}
	}
}

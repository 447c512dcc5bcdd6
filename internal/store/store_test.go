package store_test

import (
	"cmp"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"toolpit/internal/fault"
	"toolpit/internal/store"
	"toolpit/internal/value"
)

func TestMintedIDsCarryTheirFamily(t *testing.T) {
	form := regexp.MustCompile(`^ses_[A-Z2-7]{34}$`)
	seen := map[string]bool{}
	for range 1000 {
		id := store.MintID()
		if !form.MatchString(id) || seen[id] {
			t.Fatalf("MintID = %q", id)
		}
		seen[id] = true
		if got := (store.Ref{Owner: "o", ID: id}).Family(); got != id[4:12] {
			t.Fatalf("the family of %q is %q", id, got)
		}
	}
}

func TestChosenIDsHaveAFamilyOfTheirOwn(t *testing.T) {
	form := regexp.MustCompile(`^[A-Z2-7]{8}$`)
	seen := map[string]store.Ref{}
	for _, ref := range []store.Ref{
		{"o", "demo"}, {"p", "demo"}, {"od", "emo"}, {"o", "ses_short"}, {"o", "{x}"}, {"o", ""}, {"o", "ses_" + strings.Repeat("1", 34)},
	} {
		f := ref.Family()
		if other, dup := seen[f]; dup || !form.MatchString(f) || f != ref.Family() {
			t.Errorf("the family of %v is %q (also %v)", ref, f, other)
		}
		seen[f] = ref
	}
}

func TestForksStayInTheirFamily(t *testing.T) {
	form := regexp.MustCompile(`^ses_[A-Z2-7]{34}$`)
	for _, ref := range []store.Ref{{"o", store.MintID()}, {"o", "demo"}, {"", ""}} {
		a, b := ref.MintFork(), ref.MintFork()
		if a == b || a.Owner != ref.Owner || !form.MatchString(a.ID) || a.Family() != ref.Family() || a.MintFork().Family() != ref.Family() {
			t.Errorf("forks of %v are %v and %v", ref, a, b)
		}
	}
}

func TestTokens(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 34, 56, 0, time.UTC)
	a, b := store.MintToken(now), store.MintToken(now)
	if a == b || a.Keyed() || len(a.Bytes()) != 16 || a.Minute() != now.Unix()/60 {
		t.Errorf("minted tokens: %v %v, minute %d", a, b, a.Minute())
	}
	k := store.KeyedToken("key")
	if !k.Keyed() || k != store.KeyedToken("key") || k == store.KeyedToken("Key") || len(k.Bytes()) != 32 {
		t.Errorf("keyed token: %v", k)
	}
	if k.Text("s") != k.Text("s") || k.Text("s") == k.Text("t") || len(k.Text("s")) != 26 {
		t.Errorf("text of a token: %q %q", k.Text("s"), k.Text("t"))
	}
}

func TestCheckRefusesUnitsNoBackEndMaySee(t *testing.T) {
	limits := store.Limits{}.WithDefaults()
	long := strings.Repeat("x", 200)
	lease := store.Lease{Token: "t", TTL: store.MaxLease}
	big := value.Text(strings.Repeat("x", int(limits.ValueBytes)))
	for _, tc := range []struct {
		name string
		unit store.Unit
		want fault.Code
	}{
		{"twice the same variable", store.Unit{Ops: []store.Op{store.Put("a", value.Int(1)), store.Add("a", 1)}}, fault.InvalidRequest},
		{"no name", store.Unit{Ops: []store.Op{store.Load("")}}, fault.InvalidRequest},
		{"a long name", store.Unit{Ops: []store.Op{store.Load(long)}}, fault.InvalidRequest},
		{"no value", store.Unit{Ops: []store.Op{store.Put("a", value.Value{})}}, fault.InvalidRequest},
		{"a large value", store.Unit{Ops: []store.Op{store.Put("a", big)}}, fault.ValueTooLarge},
		{"a large memo", store.Unit{Memo: make([]byte, store.MaxMemo+1)}, fault.ValueTooLarge},
		{"a large answer", store.Unit{Kind: store.Answer, Memo: make([]byte, store.MaxAnswer+1)}, fault.ValueTooLarge},
		{"too many operations", store.Unit{Ops: make([]store.Op, store.MaxOps+1)}, fault.InvalidRequest},
		{"a long writer", store.Unit{Write: store.Write{By: long}}, fault.InvalidRequest},
		{"something after the end", store.Unit{Ops: []store.Op{store.End(), store.Load("a")}}, fault.InvalidRequest},
		{"a write before the end", store.Unit{Ops: []store.Op{store.Delete("a"), store.End()}}, fault.InvalidRequest},
		{"a lock before the end", store.Unit{Ops: []store.Op{store.AcquireLock("a", lease), store.End()}}, fault.InvalidRequest},
		{"neither a value nor JSON", store.Unit{Ops: []store.Op{store.PutContent("a", store.Content{Type: value.Integer})}}, fault.InvalidRequest},
		{"a value and JSON", store.Unit{Ops: []store.Op{store.PutContent("a", store.Content{Value: value.Int(1), JSON: []byte("1")})}}, fault.InvalidRequest},
		{"bytes for an integer", store.Unit{Ops: []store.Op{store.PutContent("a", store.Content{Value: value.Int(1), Upload: &store.Upload{}})}}, fault.InvalidRequest},
		{"large metadata", store.Unit{Ops: []store.Op{store.Patch("a", nil, make([]byte, store.MaxMetadata+1))}}, fault.ValueTooLarge},
		{"a large value, one by one", store.Unit{Each: true, Ops: []store.Op{store.Put("a", big)}}, ""},
		{"large metadata, one by one", store.Unit{Each: true, Ops: []store.Op{store.Patch("a", nil, make([]byte, store.MaxMetadata+1))}}, ""},
		{"no name, one by one", store.Unit{Each: true, Ops: []store.Op{store.Load("")}}, fault.InvalidRequest},
		{"twice the same variable, one by one", store.Unit{Each: true, Ops: []store.Op{store.Load("a"), store.Put("a", big)}}, fault.InvalidRequest},
		{"a long lock token", store.Unit{LockToken: long}, fault.InvalidRequest},
		{"a lease without a token", store.Unit{Ops: []store.Op{store.AcquireLock("a", store.Lease{TTL: time.Minute})}}, fault.InvalidRequest},
		{"a lease with a long token", store.Unit{Ops: []store.Op{store.AcquireLock("a", store.Lease{Token: long, TTL: time.Minute})}}, fault.InvalidRequest},
		{"a lease with a long holder", store.Unit{Ops: []store.Op{store.AcquireLock("a", store.Lease{Token: "t", Holder: long, TTL: time.Minute})}}, fault.InvalidRequest},
		{"a short lease", store.Unit{Ops: []store.Op{store.AcquireLock("a", store.Lease{Token: "t", TTL: time.Microsecond})}}, fault.InvalidRequest},
		{"a long lease", store.Unit{Ops: []store.Op{store.AcquireLock("a", store.Lease{Token: "t", TTL: store.MaxLease + 1})}}, fault.InvalidRequest},
		{"a lease", store.Unit{Ops: []store.Op{store.AcquireLock("a", lease), store.ReleaseLock("b"), store.Rollback("c", 0)}}, ""},
		{"a load before the end", store.Unit{Ops: []store.Op{store.Load("a"), store.End()}}, ""},
		{"an answer of 64 KiB", store.Unit{Kind: store.Answer, Memo: make([]byte, store.MaxAnswer)}, ""},
	} {
		tc.unit.Token = store.KeyedToken("key")
		if got := fault.CodeOf(tc.unit.Check(limits)); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestCheckSaysWhichOperationItRefuses(t *testing.T) {
	u := store.Unit{
		Write: store.Write{Token: store.KeyedToken("key")},
		Ops:   []store.Op{store.Load("a"), store.Put("b", value.Value{})},
	}
	err := u.Check(store.Limits{}.WithDefaults())
	if o, ok := errors.AsType[*store.OpError](err); !ok || o.Index != 1 || !errors.Is(err, fault.InvalidRequest) || o.Error() != o.Err.Error() {
		t.Errorf("got %v, want that of the second operation", err)
	}
}

func TestWhatWritesNeedsALock(t *testing.T) {
	writes := map[store.OpKind]bool{}
	for _, op := range []store.Op{
		store.Put("a", value.Int(1)), store.Create("a", value.Int(1)), store.Ensure("a", value.Int(1)), store.Patch("a", nil, nil),
		store.Add("a", 1), store.Rollback("a", 1), store.Delete("a"), store.AcquireLock("a", store.Lease{}), store.ReleaseLock("a"),
		store.Load("a"), store.End(),
	} {
		writes[op.Kind] = op.Writes()
	}
	for kind, want := range map[store.OpKind]bool{
		store.OpPut: true, store.OpCreate: true, store.OpEnsure: true, store.OpPatch: true, store.OpAdd: true, store.OpRollback: true,
		store.OpDelete: true, store.OpLock: false, store.OpUnlock: false, store.OpLoad: false, store.OpEnd: false,
	} {
		if writes[kind] != want {
			t.Errorf("%c writes: %v, want %v", kind, writes[kind], want)
		}
	}
}

func TestAWriteNeedsAToken(t *testing.T) {
	for what, err := range map[string]error{
		"a unit":      store.Unit{}.Check(store.Limits{}.WithDefaults()),
		"a session":   store.NewSession{TTL: time.Hour}.Check(),
		"an update":   store.SessionUpdate{}.Check(),
		"a short TTL": store.NewSession{Write: store.Write{Token: store.KeyedToken("k")}, TTL: time.Microsecond}.Check(),
	} {
		if !errors.Is(err, fault.InvalidRequest) {
			t.Errorf("%s: %v, want INVALID_REQUEST", what, err)
		}
	}
}

func TestUnfitIsFound(t *testing.T) {
	if !store.IsUnfit(errors.Join(errors.New("x"), &store.Unfit{Reason: "r"})) || store.IsUnfit(fault.StoreUnavailable) {
		t.Error("IsUnfit is wrong")
	}
}

func TestConditionsOnAVersion(t *testing.T) {
	op := store.Delete("x")
	for _, test := range []struct {
		op      store.Op
		epoch   string
		version int64
		want    bool
	}{
		{op, "e", 0, true},
		{op, "e", 3, true},
		{op.IfVersion(3), "e", 3, true},
		{op.IfVersion(3), "e", 4, false},
		{op.IfVersion(3), "e", 0, false},
		{op.IfVersion(0), "e", 0, true},
		{op.IfVersion(0), "e", 1, false},
		{op.IfVersion(store.AnyVersion), "e", 1, true},
		{op.IfVersion(store.AnyVersion), "e", 0, false},
		{op.IfSeen("e", 3), "e", 3, true},
		{op.IfSeen("e", 3), "f", 3, false},
		{op.IfSeen("e", 3), "e", 4, false},
		{op.IfSeen("", store.AnyVersion), "f", 4, true},
	} {
		if got := test.op.Holds(test.epoch, test.version); got != test.want {
			t.Errorf("%v of %q holds for version %d of %q: %v", *cmp.Or(test.op.Version, new(int64)), test.op.Epoch, test.version, test.epoch, got)
		}
	}
}

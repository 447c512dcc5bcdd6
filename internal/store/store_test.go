package store_test

import (
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
		{"a load before the end", store.Unit{Ops: []store.Op{store.Load("a"), store.End()}}, ""},
		{"an answer of 64 KiB", store.Unit{Kind: store.Answer, Memo: make([]byte, store.MaxAnswer)}, ""},
	} {
		tc.unit.Token = store.KeyedToken("key")
		if got := fault.CodeOf(tc.unit.Check(limits)); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
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

package powerloss_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"toolpit/powerloss"
)

// history is what a program does in a directory; each step must succeed.
type history struct {
	t   *testing.T
	dir string
}

func (h history) path(name string) string { return filepath.Join(h.dir, name) }

func (h history) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h history) mkdir(name string) { h.t.Helper(); h.must(os.Mkdir(h.path(name), 0o700)) }

func (h history) rename(from, to string) { h.t.Helper(); h.must(os.Rename(h.path(from), h.path(to))) }

func (h history) remove(name string) { h.t.Helper(); h.must(os.Remove(h.path(name))) }

func (h history) truncate(name string, size int64) {
	h.t.Helper()
	h.must(os.Truncate(h.path(name), size))
}

// write writes text at a place of a file, which it creates.
func (h history) write(name string, at int64, text string) {
	h.t.Helper()
	f, err := os.OpenFile(h.path(name), os.O_CREATE|os.O_RDWR, 0o600)
	h.must(err)
	_, err = f.WriteAt([]byte(text), at)
	h.must(err)
	h.must(f.Close())
}

// sync syncs a file or a directory.
func (h history) sync(name string) {
	h.t.Helper()
	f, err := os.Open(h.path(name))
	h.must(err)
	h.must(f.Sync())
	h.must(f.Close())
}

// files returns all files of a directory with their content.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		found[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestCutKeepsWhatWasSynced(t *testing.T) {
	for _, tc := range []struct {
		name    string
		do      func(h history)
		now     map[string]string
		remains map[string]string
	}{
		{
			"nothing was synced",
			func(h history) { h.write("a", 0, "abc"); h.mkdir("d"); h.write("d/b", 0, "x") },
			map[string]string{"a": "abc", "d/b": "x"},
			map[string]string{},
		},
		{
			"a synced file is there, with the way to it",
			func(h history) { h.mkdir("d"); h.write("d/a", 0, "abc"); h.write("d/b", 0, "b"); h.sync("d/a") },
			map[string]string{"d/a": "abc", "d/b": "b"},
			map[string]string{"d/a": "abc"},
		},
		{
			"a synced directory has its entries, not their content",
			func(h history) { h.write("a", 0, "abc"); h.sync(".") },
			map[string]string{"a": "abc"},
			map[string]string{"a": ""},
		},
		{
			"what was appended and overwritten since",
			func(h history) { h.write("a", 0, "abc"); h.sync("a"); h.write("a", 1, "XYZ") },
			map[string]string{"a": "aXYZ"},
			map[string]string{"a": "abc"},
		},
		{
			"what was overwritten before",
			func(h history) { h.write("a", 0, "abc"); h.sync("a"); h.write("a", 1, "XYZ"); h.sync("a") },
			map[string]string{"a": "aXYZ"},
			map[string]string{"a": "aXYZ"},
		},
		{
			"what was cut off comes back",
			func(h history) {
				h.write("a", 0, "abc"+strings.Repeat("-", 2000)+"z")
				h.sync("a")
				h.truncate("a", 1)
				h.write("a", 2, "c")
			},
			map[string]string{"a": "a\x00c"},
			map[string]string{"a": "abc" + strings.Repeat("-", 2000) + "z"},
		},
		{
			"a replacement waits for the directory's sync",
			func(h history) {
				h.write("a", 0, "old")
				h.sync("a")
				h.write("b", 0, "new")
				h.sync("b")
				h.sync(".")
				h.rename("b", "a")
			},
			map[string]string{"a": "new"},
			map[string]string{"a": "old", "b": "new"},
		},
		{
			"a replacement after the directory's sync",
			func(h history) {
				h.write("a", 0, "old")
				h.sync("a")
				h.write("b", 0, "new")
				h.sync("b")
				h.rename("b", "a")
				h.sync(".")
			},
			map[string]string{"a": "new"},
			map[string]string{"a": "new"},
		},
		{
			"what was removed comes back",
			func(h history) { h.write("a", 0, "abc"); h.sync("a"); h.remove("a") },
			map[string]string{},
			map[string]string{"a": "abc"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := powerloss.Mount(t)
			tc.do(history{t, v.Dir})
			if diff := cmp.Diff(tc.now, files(t, v.Dir)); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			v.Cut()
			if diff := cmp.Diff(tc.remains, files(t, v.Dir)); diff != "" {
				t.Errorf("files after the cut (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTearKeepsSomeOfTheRest(t *testing.T) {
	const tries = 150 // by chance one in 10^11 misses an outcome
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	outcomes := map[string]bool{}
	for range tries {
		v := powerloss.Mount(t)
		h := history{t, v.Dir}
		h.write("a", 0, "a")
		h.write("b", 0, "-")
		h.sync("a")
		h.sync("b")
		h.write("b", 0, "+")
		h.write("b", 1, "12")
		h.rename("a", "c")
		v.Tear(rng)
		got := files(t, v.Dir)
		for name, text := range got {
			outcomes[name+":"+text] = true
		}
		if len(got) != 2 {
			t.Errorf("%d files are left, want 2: %v", len(got), got)
		}
	}
	want := map[string]bool{
		"a:a": true, "c:a": true,
		"b:-": true, "b:-1": true, "b:-12": true, "b:+": true, "b:+1": true, "b:+12": true,
	}
	if diff := cmp.Diff(want, outcomes); diff != "" {
		t.Errorf("what was seen of %d tries (-want +got):\n%s", tries, diff)
	}
}

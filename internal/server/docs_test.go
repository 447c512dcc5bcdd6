package server_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// browser starts Chromium. Without one the test is skipped, unless
// TOOLPIT_TEST_REQUIRE asks for it.
func browser(t *testing.T) context.Context {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		if strings.Contains(os.Getenv("TOOLPIT_TEST_REQUIRE"), "chromium") {
			t.Fatal("there is no Chromium on PATH, and TOOLPIT_TEST_REQUIRE asks for it")
		}
		t.Skip("skipped: there is no Chromium on PATH")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		chromedp.NoSandbox, // CI runs as root
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-component-update", true),
	)
	// The test's own context ends before the browser is asked to stop.
	allocator, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(allocator)
	t.Cleanup(cancel)
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("stopping Chromium: %v", err)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("starting Chromium: %v", err)
	}
	return ctx
}

// observed is what a page did.
type observed struct {
	mu       sync.Mutex
	requests []string
	trouble  []string
}

func (o *observed) listen(ev any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch ev := ev.(type) {
	case *network.EventRequestWillBeSent:
		o.requests = append(o.requests, ev.Request.URL)
	case *network.EventWebSocketCreated:
		o.requests = append(o.requests, ev.URL)
	case *runtime.EventExceptionThrown:
		o.trouble = append(o.trouble, fmt.Sprintf("exception: %+v", ev.ExceptionDetails))
	case *cdplog.EventEntryAdded:
		if ev.Entry.Level == "error" {
			o.trouble = append(o.trouble, ev.Entry.Text)
		}
	}
}

// TestDocsExecuteForReal presses the button that says so, and looks whether
// the counter was counted and whether anything was asked of another machine.
func TestDocsExecuteForReal(t *testing.T) {
	s := start(t)
	s.session("demo")
	ctx := browser(t)
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var o observed
	if err := chromedp.Listen(ctx, o.listen); err != nil {
		t.Fatal(err)
	}
	const operation = "#operations-sessions-executeInSession "
	err := chromedp.Do(ctx,
		chromedp.Navigate(s.url+"/docs#/sessions/executeInSession"),
		chromedp.WaitVisible(chromedp.CSS(operation+".execute")),
		// Not by the mouse: the page is still scrolling to the operation, and the
		// button is gone from where it was.
		chromedp.Evaluate[chromedp.Void](`document.querySelector("`+operation+`.execute").click()`),
		chromedp.WaitVisible(chromedp.CSS(operation+".live-responses-table .response-col_status")),
	)
	if err != nil {
		t.Fatalf("executing from the page: %v; it reported %v", err, o.trouble)
	}
	status, err := chromedp.Run(ctx, chromedp.Text(chromedp.CSS(operation+".live-responses-table .response .response-col_status")))
	if err != nil || !strings.HasPrefix(strings.TrimSpace(status), "200") {
		t.Errorf("the page shows the status %q (%v)", status, err)
	}
	if got := s.counter("demo"); got != "1" {
		t.Errorf("the counter is %s", got)
	}

	// The page of the errors is for people, too.
	if err := chromedp.Do(ctx, chromedp.Navigate(s.url+"/docs/errors#session-expired"), chromedp.WaitVisible(chromedp.CSS("#session-expired:target"))); err != nil {
		t.Fatal(err)
	}

	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.requests) < 5 {
		t.Errorf("only %d requests were seen: %v", len(o.requests), o.requests)
	}
	for _, address := range o.requests {
		if u, err := url.Parse(address); err != nil || u.Scheme != "data" && "http://"+u.Host != s.url {
			t.Errorf("a request went to %s", address)
		}
	}
	if len(o.trouble) > 0 {
		t.Errorf("the browser complains: %v", o.trouble)
	}
}

// TestDocsNameNoOtherHost reads the page instead of running it.
func TestDocsNameNoOtherHost(t *testing.T) {
	s := start(t)
	page := string(s.call("GET", "/docs", "").wants(http.StatusOK).body)
	for _, source := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(source[1], "/docs/") {
			t.Errorf("the page loads %s", source[1])
		}
		if a := s.call("GET", source[1], ""); a.status != http.StatusOK || a.header.Get("Cache-Control") != "no-cache" {
			t.Errorf("%s: %d, Cache-Control %q", source[1], a.status, a.header.Get("Cache-Control"))
		}
	}
	for _, setting := range []string{`url: url`, `deepLinking: true`, `tryItOutEnabled: true`, `validatorUrl: null`, `"swaggerJsonUrl":"/openapi.json"`} {
		if !strings.Contains(page, setting) {
			t.Errorf("the page lacks %s", setting)
		}
	}
}

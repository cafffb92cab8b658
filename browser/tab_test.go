package browser

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// tab is a window of somebody who shares nothing with those before: no cookies, no history.
type tab struct {
	t       *testing.T
	ctx     context.Context
	scripts bool         // that pages may run any
	arrived chan arrival // each document that was loaded in the window itself

	mu         sync.Mutex
	last       arrival
	complaints []string // of Chromium: a policy that was violated, a script that failed, a dialog that was opened
	requests   []string // that the document has made, beside that for itself
}

// arrival is a document that was loaded.
type arrival struct {
	url    string
	status int64
	header map[string]any
}

// newTab opens a window, in which pages may run scripts or may not.
func newTab(t *testing.T, scripts bool) *tab {
	t.Helper()
	tb := &tab{t: t, scripts: scripts, arrived: make(chan arrival, 100)}
	ctx, end := chromedp.NewContext(chromium.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	// The first use binds the window's life to its context, so that one must have no deadline.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, tb.hear); err != nil {
		t.Fatal(err)
	}
	var stop context.CancelFunc
	tb.ctx, stop = context.WithTimeout(ctx, 2*patience)
	t.Cleanup(stop)
	tb.must(audits.Enable)
	tb.must(log.Enable)
	if !scripts {
		send(tb, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	}
	tb.resize(1024, 1)
	return tb
}

// hear writes down what happens in the window. Chromium waits for it.
func (tb *tab) hear(event any) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	switch e := event.(type) {
	case *network.EventResponseReceived:
		if e.Type == network.ResourceTypeDocument {
			tb.last = arrival{status: e.Response.Status, header: e.Response.Headers}
		}
	case *page.EventFrameNavigated:
		if e.Frame.ParentID == "" {
			tb.last.url = e.Frame.URL + e.Frame.URLFragment
		}
	case *page.EventLoadEventFired:
		tb.arrived <- tb.last
	case *network.EventRequestWillBeSent:
		if e.Type != network.ResourceTypeDocument {
			tb.requests = append(tb.requests, e.Request.URL)
		}
	case *audits.EventIssueAdded:
		tb.complaints = append(tb.complaints, fmt.Sprintf("%s %+v", e.Issue.Code, *e.Issue.Details))
	case *log.EventEntryAdded:
		if e.Entry.Source != log.EntrySourceNetwork { // that a page comes with 400
			tb.complaints = append(tb.complaints, e.Entry.Text)
		}
	case *runtime.EventExceptionThrown:
		tb.complaints = append(tb.complaints, e.ExceptionDetails.Text)
	case *page.EventJavascriptDialogOpening:
		tb.complaints = append(tb.complaints, "dialog: "+e.Message)
		go func() { // the document waits for it
			_, _ = chromedp.Call(tb.ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{})
		}()
	}
}

// forget begins anew with what is written down: what a provider's page does is no affair of ours.
func (tb *tab) forget() {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	tb.complaints, tb.requests = nil, nil
}

// noise returns the complaints and the requests since the last look.
func (tb *tab) noise() (complaints, requests []string) {
	tb.mu.Lock()
	defer tb.mu.Unlock()
	complaints, requests = tb.complaints, tb.requests
	tb.complaints, tb.requests = nil, nil
	return complaints, requests
}

// do acts, and fails the test where it can't.
func (tb *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	tb.t.Helper()
	if err := chromedp.Do(tb.ctx, actions...); err != nil {
		tb.t.Fatal(err)
	}
}

// must sends a command without parameters.
func (tb *tab) must(command cdp.Command[cdp.Empty, cdp.Empty]) {
	tb.t.Helper()
	send(tb, command, cdp.Empty{})
}

// send sends a command of the protocol, which must succeed.
func send[P, R any](tb *tab, command cdp.Command[P, R], params P) R {
	tb.t.Helper()
	result, err := chromedp.Call(tb.ctx, command, params)
	if err != nil {
		tb.t.Fatal(err)
	}
	return result
}

// see evaluates an expression in the document, which works without scripts too: it is Chromium's tools that do it.
func see[T any](tb *tab, expression string) T {
	tb.t.Helper()
	value, err := chromedp.Run(tb.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		tb.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// reach acts until a document is loaded whose address begins as given, whatever comes before it.
func (tb *tab) reach(prefix string, actions ...chromedp.Action[chromedp.Void]) arrival {
	tb.t.Helper()
	for len(tb.arrived) > 0 {
		<-tb.arrived
	}
	tb.do(actions...)
	var seen []string
	for {
		select {
		case at := <-tb.arrived:
			if strings.HasPrefix(at.url, prefix) {
				return at
			}
			seen = append(seen, fmt.Sprintf("%s (%d)", at.url, at.status))
		case <-time.After(patience):
			tb.t.Fatalf("the browser has not reached %s, but %s", prefix, strings.Join(seen, ", "))
		case <-tb.ctx.Done():
			tb.t.Fatalf("the browser has not reached %s, but %s", prefix, strings.Join(seen, ", "))
		}
	}
}

// open goes to an address.
func (tb *tab) open(url string) arrival {
	tb.t.Helper()
	return tb.reach("", chromedp.Navigate(url))
}

// resize gives the window a width in CSS pixels, of which each is as wide as the given number of the screen's.
func (tb *tab) resize(width int64, scale float64) {
	tb.t.Helper()
	send(tb, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: scale})
}

// prefer sets what the person has told the browser about colours.
func (tb *tab) prefer(scheme string) {
	tb.t.Helper()
	send(tb, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

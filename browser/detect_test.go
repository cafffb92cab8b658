package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
)

// What the other tests don't see they must be able to see: pages with all the faults that ours are looked over for.
func TestTheBrowserTellsWhatIsWrongWithAPage(t *testing.T) {
	pages := map[string]string{
		"/forbidden": `<meta http-equiv="Content-Security-Policy" content="default-src 'none'"><style>p{color:red}</style><script>alert(1)</script>`,
		"/loads":     `<img src="/picture" alt="">`,
		"/asks":      `<script>alert(1)</script>`,
		"/looks":     `<style>p{width:400px;color:#999}</style><p>Too wide and too pale</p><a href="/">link</a>`,
	}
	icon := make(chan bool, 10)
	bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := pages[r.URL.Path]
		if !ok {
			if r.URL.Path == "/favicon.ico" {
				icon <- true
			}
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!DOCTYPE html><html lang="en"><meta name="viewport" content="width=device-width"><title>Bad</title>`+body+`<h1>Bad</h1>`)
	}))
	defer bad.Close()
	noise := func(path string) (complaints string, requests []string) {
		tb := newTab(t, true)
		tb.open(bad.URL + path)
		all, requests := tb.noise()
		return strings.Join(all, "\n"), requests
	}

	complaints, _ := noise("/forbidden")
	for _, part := range []string{"style-src", "script-src"} {
		if !strings.Contains(complaints, part) {
			t.Errorf("no complaint about %s in %s", part, complaints)
		}
	}
	if _, requests := noise("/loads"); !slices.Contains(requests, bad.URL+"/picture") {
		t.Errorf("requests: %s", requests)
	}
	select { // this browser does ask for icons, of pages that do not forbid it
	case <-icon:
	case <-time.After(patience):
		t.Error("the browser has not asked for an icon")
	}
	if complaints, _ := noise("/asks"); !strings.Contains(complaints, "dialog: 1") {
		t.Errorf("no complaint about a dialog in %s", complaints)
	}
	tb := newTab(t, true)
	tb.open(bad.URL + "/looks")
	tb.resize(320, 1)
	if faults := strings.Join(tb.layout(), "\n"); !strings.Contains(faults, "px wide") || !strings.Contains(faults, "P: Too wide") {
		t.Errorf("layout: %s", faults)
	}
	if faults := tb.contrast(); len(faults) != 1 { // the link's blue is dark enough
		t.Errorf("contrast: %s", faults)
	}
	if pressable := tb.pressable(); !slices.Equal(pressable, []string{"A"}) {
		t.Errorf("pressable: %s", pressable)
	}
}

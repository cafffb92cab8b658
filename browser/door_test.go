package browser

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// door is where browsers come to Vault. It writes down what they ask for, on the wire: Chromium's own account of its
// requests leaves out those that no page makes, such as that for an icon.
type door struct {
	*httptest.Server
	mu  sync.Mutex
	all []string // method and path, since last
	odd []string
}

func openDoor(to string) *door {
	target, err := url.Parse(to)
	if err != nil {
		panic(err) // the address is ours
	}
	d := new(door)
	proxy := httputil.NewSingleHostReverseProxy(target)
	d.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.note(r)
		proxy.ServeHTTP(w, r)
	}))
	return d
}

func (d *door) note(r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.all = append(d.all, r.Method+" "+r.URL.Path)
	_, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/v1/"), "/")
	if !strings.HasPrefix(rest, "callback/") && !strings.HasPrefix(rest, "start/") {
		d.odd = append(d.odd, r.Method+" "+r.URL.Path)
	}
}

// since returns what was asked for since the last call.
func (d *door) since() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := d.all
	d.all = nil
	return all
}

// strays returns what was asked for beside the pages, ever.
func (d *door) strays() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.odd)
}

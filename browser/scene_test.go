package browser

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// scene is one of the pages that people see, and how they get there.
type scene struct {
	name   string // of its picture too
	status int64
	title  string
	enter  func(l *lab, tb *tab) arrival
}

// scenes are all the pages, each with what its title must begin with, on the way to a provider and back.
func scenes(s system) []scene {
	decide := func(decision string, before func(l *lab)) func(*lab, *tab) arrival {
		return func(l *lab, tb *tab) arrival {
			l.newRole("crm", s)
			l.who.ask(l.t, http.MethodDelete, l.mount+"/authorize/crm", nil) // of the scenes before: five at most are kept
			l.atProvider(tb, "crm")
			before(l)
			return l.decide(tb, s, decision)
		}
	}
	nothing := func(*lab) {}
	granted := decide("allow", nothing)
	return []scene{
		{"granted", http.StatusOK, "One step is left", granted},
		{"shown", http.StatusBadRequest, "There is nothing to show", func(l *lab, tb *tab) arrival {
			granted(l, tb)
			tb.forget()
			entrance.since()
			return tb.reach(l.callback(s.name), chromedp.Reload())
		}},
		{"unknown", http.StatusBadRequest, "There is nothing to show", func(l *lab, tb *tab) arrival {
			return tb.open(l.callback(s.name) + "?state=nobody-has-begun-with-this&code=c")
		}},
		{"dropped", http.StatusBadRequest, "There is nothing to show", decide("allow", func(l *lab) {
			l.who.ask(l.t, http.MethodDelete, l.mount+"/authorize/crm", nil)
		})},
		{"denied", http.StatusBadRequest, "Nothing was authorized", decide("deny", nothing)},
		{"provider-trouble", http.StatusBadGateway, "Nothing was authorized", decide("allow", func(l *lab) {
			provider.order(l.t, "/control", fields{"provider": s.name, "endpoint": "token", "client_id": provider.env[s.prefix+"_CLIENT_ID"], "drop": 1})
		})},
		{"storage-trouble", http.StatusServiceUnavailable, "This can't be done right now", decide("allow", func(l *lab) { l.damage() })},
	}
}

// damage makes every consent of the mount unreadable, as a fault of Vault's storage would.
func (l *lab) damage() {
	l.t.Helper()
	l.rewrite(func(string) string { return "damaged" })
}

// rewrite changes what is stored of the mount's consents.
func (l *lab) rewrite(change func(entry string) string) {
	l.t.Helper()
	mount, ok := server.ask(l.t, http.MethodGet, "sys/mounts/"+l.mount, nil)["uuid"].(string)
	if !ok {
		l.t.Fatal("the mount has no uuid")
	}
	changed := 0
	root := "sys/raw/logical/" + mount + "/consent/"
	for _, role := range listed(l.t, root) {
		for _, name := range listed(l.t, root+role) {
			at := root + role + name
			entry := server.ask(l.t, http.MethodGet, at, nil)["value"].(string)
			server.ask(l.t, http.MethodPut, at, fields{"value": change(entry)})
			changed++
		}
	}
	if changed == 0 {
		l.t.Fatal("no consent is stored")
	}
}

func listed(t *testing.T, path string) (names []string) {
	t.Helper()
	keys, _ := server.ask(t, "LIST", strings.TrimSuffix(path, "/"), nil)["keys"].([]any)
	for _, key := range keys {
		names = append(names, key.(string))
	}
	return names
}

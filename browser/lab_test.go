package browser

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
)

// alice is who sits at the browser and has an account at every provider of the sandbox.
const alice = "alice@example.test"

// lab is a mount of the plugin of a test's own, which browsers reach through the door.
type lab struct {
	t     *testing.T
	mount string
	who   *vault // the server, with the token of whoever writes and reads here
}

// forTest is the same mount for a part of the test.
func (l *lab) forTest(t *testing.T) *lab { return &lab{t, l.mount, l.who} }

// as is the same mount for somebody whom Vault shows by another name, and who may do as much.
func (l *lab) as(name string) *lab {
	l.t.Helper()
	status, answer, err := call(http.MethodPost, server.addr+"/v1/auth/token/create", server.token, fields{"display_name": name})
	if err != nil || status != http.StatusOK {
		l.t.Fatalf("%d %v %v", status, answer, err)
	}
	token := answer["auth"].(fields)["client_token"].(string)
	return &lab{l.t, l.mount, &vault{addr: server.addr, token: token}}
}

var mounts atomic.Int64

// headers are those of the page that arrive only where an operator lets them through (docs/install.md).
var headers = []string{"Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options", "X-Frame-Options"}

// newLab mounts the plugin; a tuned mount lets the page's headers through. The authorities are PEM, trusted besides the
// sandbox's.
func newLab(t *testing.T, tuned bool, authorities ...string) *lab {
	t.Helper()
	l := &lab{t, fmt.Sprintf("oauth-%d", mounts.Add(1)), server}
	config := fields{}
	if tuned {
		config["allowed_response_headers"] = headers
	}
	server.ask(t, http.MethodPost, "sys/mounts/"+l.mount, fields{"type": pluginName, "config": config})
	t.Cleanup(func() { server.ask(t, http.MethodDelete, "sys/mounts/"+l.mount, nil) })
	ca, err := os.ReadFile(provider.env["SANDBOX_CA"])
	if err != nil {
		t.Fatal(err)
	}
	l.write("config", fields{"ca_certificate": strings.Join(append(authorities, string(ca)), "\n"), "external_url": entrance.URL + "/v1/" + l.mount})
	return l
}

// write is a write to the mount.
func (l *lab) write(path string, body fields) fields {
	l.t.Helper()
	return l.who.ask(l.t, http.MethodPut, l.mount+"/"+path, body)
}

// read is a read of it.
func (l *lab) read(path string) fields {
	l.t.Helper()
	return l.who.ask(l.t, http.MethodGet, l.mount+"/"+path, nil)
}

// callback is the redirect URI of a provider.
func (l *lab) callback(provider string) string {
	return entrance.URL + "/v1/" + l.mount + "/callback/" + provider
}

// system is one of the providers of the sandbox that ask people.
type system struct {
	name   string // of the provider, here and there
	prefix string // of the sandbox's variables
	role   fields // what a role needs besides
	form   bool   // the answer comes as a form
}

func systems() []system {
	env := provider.env
	return []system{
		{"pingone", "PINGONE", fields{"provider_params": fields{"environment_id": env["PINGONE_ENVIRONMENT_ID"]}, "scope": "openid email"}, true},
		{"salesforce", "SALESFORCE", fields{"provider_params": fields{"domain": env["SALESFORCE_DOMAIN"]}, "scope": "api refresh_token"}, false},
		{"pandadoc", "PANDADOC", fields{}, false},
	}
}

// pingone answers with a form, and says who has agreed.
func pingone() system { return systems()[0] }

// salesforce answers in the address.
func salesforce() system { return systems()[1] }

// newRole writes a role without a grant, and tells the provider of the mount's callback.
func (l *lab) newRole(name string, s system) {
	l.t.Helper()
	client := provider.env[s.prefix+"_CLIENT_ID"]
	provider.order(l.t, "/control", fields{"provider": s.name, "client_id": client, "redirect_uri": l.callback(s.name)})
	role := fields{"provider": s.name, "client_id": client, "client_secret": provider.env[s.prefix+"_CLIENT_SECRET"]}
	for field, value := range s.role {
		role[field] = value
	}
	l.write("roles/"+name, role)
}

// begin begins a consent and returns where the browser has to go.
func (l *lab) begin(role string) string {
	l.t.Helper()
	return l.write("authorize/"+role, fields{})["authorization_url"].(string)
}

// atProvider begins a consent and leads the browser to the page on which the provider asks alice.
func (l *lab) atProvider(tb *tab, role string) { l.atProviderAs(tb, role, alice) }

// atProviderAs is atProvider of somebody else.
func (l *lab) atProviderAs(tb *tab, role, account string) {
	l.t.Helper()
	tb.open(l.begin(role))
	tb.do(chromedp.SetValue(chromedp.CSS(`input[name=username]`), account))
	entrance.since() // a start page has done its part
}

// decide presses a button there, and returns the page to which the browser comes back.
func (l *lab) decide(tb *tab, s system, decision string) arrival {
	l.t.Helper()
	press := chromedp.Click(chromedp.CSS(`button[value=` + decision + `]`))
	if s.form && !tb.scripts {
		tb.reach("", press)
		press = chromedp.Click(chromedp.CSS(`button`)) // what a script would press
	}
	tb.forget()
	return tb.reach(l.callback(s.name), press)
}

package browser

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// peoplePolicy is what each person may do, the same for all of them: nobody's name is in it.
const peoplePolicy = `
path "%[1]s/creds/crm"     { capabilities = ["read", "update"] }
path "%[1]s/authorize/crm" { capabilities = ["create", "read", "update", "delete"] }
path "%[1]s/confirm/crm"   { capabilities = ["create", "update"] }
path "%[1]s/status/crm"    { capabilities = ["read"] }
`

// person is somebody with a login of their own, and a browser.
type person struct {
	*lab
	name, entity, account string
	tab                   *tab
	code                  string
}

// person logs somebody in whom Vault knows by an entity.
func (l *lab) person(name string, scripts bool) *person {
	l.t.Helper()
	at := "auth/" + l.mount + "-people"
	server.ask(l.t, http.MethodPut, at+"/users/"+name, fields{"password": "of-" + name, "token_policies": l.mount})
	status, answer, err := call(http.MethodPost, server.addr+"/v1/"+at+"/login/"+name, "", fields{"password": "of-" + name})
	if err != nil || status != http.StatusOK {
		l.t.Fatalf("login of %s: %d %v %v", name, status, answer, err)
	}
	auth := answer["auth"].(fields)
	who := &vault{addr: server.addr, token: auth["client_token"].(string)}
	return &person{
		lab: &lab{l.t, l.mount, who}, name: name, entity: auth["entity_id"].(string),
		account: name + "@example.test", tab: newTab(l.t, scripts),
	}
}

// withPeople lets people log in who may use the role crm.
func (l *lab) withPeople() {
	l.t.Helper()
	server.ask(l.t, http.MethodPut, "sys/policies/acl/"+l.mount, fields{"policy": fmt.Sprintf(peoplePolicy, l.mount)})
	at := "sys/auth/" + l.mount + "-people"
	server.ask(l.t, http.MethodPost, at, fields{"type": "userpass"})
	l.t.Cleanup(func() { server.ask(l.t, http.MethodDelete, at, nil) })
}

// refused makes a request that must be refused, and returns why.
func (p *person) refused(method, path string, body fields) string {
	p.t.Helper()
	status, answer, err := call(method, server.addr+"/v1/"+p.mount+"/"+path, p.who.token, body)
	if err != nil || status != http.StatusBadRequest {
		p.t.Errorf("%s: %s %s: %d %v %v", p.name, method, path, status, answer, err)
	}
	return fmt.Sprint(answer["errors"])
}

// Two people agree at the same time, each in a browser of their own, to a role that keeps a grant for each: each page is
// its own person's, who alone can confirm its code, and then each has their own token by one and the same path.
func TestTwoPeopleAgreeSideBySide(t *testing.T) {
	for _, s := range []system{pingone(), salesforce()} {
		t.Run(s.name, func(t *testing.T) {
			l := newLab(t, false)
			l.withPeople()
			s.role["grant_owner"] = "entity"
			l.newRole("crm", s)
			alice, bob := l.person("alice", true), l.person("bob", false)
			people := []*person{alice, bob}
			for _, p := range people {
				p.atProviderAs(p.tab, "crm", p.account)
			}
			for _, p := range []*person{bob, alice} { // who has begun last comes back first
				p.agrees(s)
			}
			if alice.code == bob.code {
				t.Fatal("both pages show the same code")
			}
			for i, p := range people {
				other := people[1-i]
				if why := p.refused(http.MethodPut, "confirm/crm", fields{"confirmation_code": other.code}); !strings.Contains(why, "not the confirmation code") {
					t.Errorf("%s confirms what %s has begun: %s", p.name, other.name, why)
				}
				p.refused(http.MethodGet, "creds/crm", nil)
			}
			tokens := map[any]*person{}
			for i, p := range people {
				confirmed := p.write("confirm/crm", fields{"confirmation_code": p.code})
				if s.name == "pingone" && confirmed["account"] != p.account {
					t.Errorf("%s confirms the grant of %v", p.name, confirmed["account"])
				}
				tokens[p.read("creds/crm")["access_token"]] = p
				if i == 0 { // one is through, and the other has nothing of that
					bob.refused(http.MethodGet, "creds/crm", nil)
				}
			}
			if len(tokens) != len(people) || tokens[nil] != nil {
				t.Errorf("%d different tokens", len(tokens))
			}
			owners := server.ask(t, "LIST", l.mount+"/status/crm", nil)["key_info"].(fields)
			for _, p := range people {
				if info, _ := owners[p.entity].(fields); info["state"] != "ok" || s.name == "pingone" && info["account"] != p.account {
					t.Errorf("of %s an operator sees %v", p.name, owners)
				}
			}
		})
	}
}

// agrees presses the button, and looks at the page that comes: it is about this person and nobody else, and names the role
// as they know it.
func (p *person) agrees(s system) {
	p.t.Helper()
	at := p.decide(p.tab, s, "allow")
	p.code = p.tab.code()
	text := see[string](p.tab, `document.body.innerText`)
	if at.status != http.StatusOK || !shownCode.MatchString(p.code) {
		p.t.Fatalf("%s: %d, code %q:\n%s", p.name, at.status, p.code, text)
	}
	if html := strings.ToLower(see[string](p.tab, `document.documentElement.outerHTML`)); strings.Contains(html, p.entity) || strings.Contains(at.url, p.entity) {
		p.t.Errorf("%s: the page at %s has the entity's id:\n%s", p.name, at.url, html)
	}
	shown := see[map[string]string](p.tab, `Object.fromEntries([...document.querySelectorAll("dt")].map(e => [e.textContent, e.nextElementSibling.textContent]))`)
	command := "vault write " + p.mount + "/confirm/crm confirmation_code=" + p.code
	if shown["Role"] != "crm" || !strings.HasSuffix(shown["Begun by"], p.name) || s.name == "pingone" && shown["Account"] != p.account || !strings.Contains(text, command) {
		p.t.Errorf("%s: the page says %v and\n%s", p.name, shown, text)
	}
}

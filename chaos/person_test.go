package chaos

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// phase is how far a consent is.
type phase int

const (
	nowhereYet phase = iota
	beginning
	comingBack
	atProvider // which has taken the code, and holds its answer back
	confirming
)

func (p phase) String() string {
	return [...]string{"nowhere", "as it is begun", "as the browser comes back", "while the provider holds its answer back", "as it is confirmed"}[p]
}

const externalURL = "https://vault.example/v1/oauth"

// person begins a consent of a role of their own, at a provider that is defined for it alone, and agrees.
type person struct {
	lane   *consentLane
	name   string
	living bool // they have a grant already: number 0
	whose  whose
	owner  string               // of the grant, "" for the role's own
	entity string               // who asks
	other  *clienttest.Rotation // of another owner of the role

	// Where the plugin is to be killed.
	phase   phase
	number  int // of the operation of storage
	applied bool

	mu      sync.Mutex
	now     phase // what is under way
	reached phase // what was under way last: an operation that is stopped may be one that nobody waits for
	steps   []step
	stopped bool // there is such a point
	fired   bool
	arrived chan<- *person
	told    bool          // that it is there
	missed  bool          // the point has not come
	way     chan struct{} // closed by letGo

	back fields // what the browser brings
	code string // that the page has shown

	asked     map[string]url.Values // authorization requests, by code
	presented int                   // codes
	twice     int
	grants    []*clienttest.Rotation
	confirmed int // which of them the person has had confirmed, -1 for none
}

// step is an operation of storage.
type step struct {
	phase  phase
	number int
	writes bool
}

func (p *person) String() string {
	return fmt.Sprintf("%s (%s grant, a living one %t), killed %s, at operation %d, applied %t", p.name, p.whose, p.living, p.phase, p.number, p.applied)
}

// person makes one, and their role.
func (l *consentLane) person(what string, living bool, of whose) *person {
	l.t.Helper()
	l.made++
	p := &person{lane: l, name: fmt.Sprintf("%s-%d", what, l.made), living: living, way: make(chan struct{}), asked: map[string]url.Values{}, grants: []*clienttest.Rotation{nil}, confirmed: -1}
	p.belongs(of)
	l.mu.Lock()
	l.people[p.name] = p
	l.mu.Unlock()
	l.write(logical.CreateOperation, "providers/"+p.name, fields{
		"token_endpoint": l.server.URL() + "/token", "authorization_endpoint": l.server.URL() + "/authorize",
		"token_endpoint_auth_method": "client_secret_post", "refresh_token_rotation": "always",
	})
	role := fields{"provider": p.name, "client_id": p.name, "client_secret": canary + "secret"}
	if p.owner != "" {
		role["grant_owner"] = "entity"
	} else if living {
		role["refresh_token"] = canary + p.name + ".0"
		p.grants[0], p.confirmed = clienttest.NewRotation(canary+p.name+".0"), 0
	}
	l.write(logical.CreateOperation, "roles/"+p.name, role)
	if p.owner != "" {
		p.settles()
	}
	if living {
		if p.active() != 0 {
			l.t.Fatalf("%s: the first grant does not work", p)
		}
	}
	return p
}

// stops says where the plugin is to be killed.
func (p *person) stops(at phase, number int, applied bool) {
	p.phase, p.number, p.applied, p.stopped = at, number, applied, true
}

func (p *person) letGo() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fired {
		close(p.way)
	}
	p.stopped, p.fired = false, false
}

// hold stops its caller at the point until the plugin is dead.
func (p *person) hold() {
	p.mu.Lock()
	p.fired = true
	way := p.way
	p.mu.Unlock()
	p.tells()
	<-way
}

// tells whoever waits that the person is at the point, or beyond it, once.
func (p *person) tells() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.arrived != nil && !p.told {
		p.told = true
		p.arrived <- p
	}
}

func (p *person) enters(now phase) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now = now; now != nowhereYet {
		p.reached = now
	}
}

// step counts an operation, and tells whether it is the one.
func (p *person) step(writes bool) (stop bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.now == nowhereYet {
		return false
	}
	number := 0
	for _, s := range p.steps {
		if s.phase == p.now {
			number++
		}
	}
	p.steps = append(p.steps, step{p.now, number, writes})
	return p.stopped && !p.fired && p.now == p.phase && number == p.number
}

func (p *person) request(op logical.Operation, path string, f fields) (*logical.Response, error) {
	return p.lane.process.request(context.Background(), op, path, f)
}

// goes goes all the way, from the beginning to a confirmed grant, or to the point where the plugin is killed.
func (p *person) goes(arrived chan<- *person) {
	p.mu.Lock()
	p.arrived = arrived
	p.mu.Unlock()
	err := p.begins()
	if err == nil && p.comesBack() {
		err = p.confirms()
	} else if err == nil {
		err = errors.New("the page shows no code")
	}
	if arrived == nil && err != nil {
		p.complain("%v", err)
	}
	p.mu.Lock()
	p.missed = arrived != nil && !p.fired && err == nil
	p.mu.Unlock()
	p.tells()
}

func (p *person) begins() error {
	p.enters(beginning)
	defer p.enters(nowhereYet)
	resp, err := p.ask(logical.UpdateOperation, "authorize", fields{})
	if err != nil {
		return err
	}
	u, err := url.Parse(resp.Data["authorization_url"].(string))
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	code := fmt.Sprintf("%scode.%s.%d", canary, p.name, len(p.asked))
	p.asked[code] = u.Query()
	p.back = fields{"code": code, "state": u.Query().Get("state")}
	return nil
}

var codeOnPage = regexp.MustCompile(`<p class="code">([A-Z]{4}-[A-Z]{4})</p>`)

// comesBack is the browser. It returns whether the page shows a code.
func (p *person) comesBack() bool {
	p.enters(comingBack)
	defer p.enters(nowhereYet)
	resp, err := p.request(logical.ReadOperation, "callback/"+p.name, p.back)
	if err != nil {
		return false
	}
	body, _ := resp.Data[logical.HTTPRawBody].(string) // bytes, on their way from the plugin
	text, err := base64.StdEncoding.DecodeString(body)
	if err != nil {
		p.complain("the page is no bytes")
	}
	match := codeOnPage.FindSubmatch(text)
	if match == nil {
		return false
	}
	p.code = string(match[1])
	return true
}

func (p *person) confirms() error {
	p.enters(confirming)
	defer p.enters(nowhereYet)
	p.mu.Lock()
	p.confirmed = len(p.grants) - 1 // from here on it may be
	p.mu.Unlock()
	_, err := p.ask(logical.UpdateOperation, "confirm", fields{"confirmation_code": p.code})
	return err
}

// grantOf is the grant that has had a refresh token.
func (p *person) grantOf(refreshToken string) *clienttest.Rotation {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, g := range p.grants {
		first := fmt.Sprintf("%s%s.%d", canary, p.name, i)
		if g != nil && (refreshToken == first || strings.HasPrefix(refreshToken, first+"-")) {
			return g
		}
	}
	return clienttest.NewRotation("")
}

// exchange takes a code, once.
func (p *person) exchange(form url.Values) clienttest.Answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.presented++
	asked, ok := p.asked[form.Get("code")]
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	switch {
	case !ok || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) || asked.Get("redirect_uri") != form.Get("redirect_uri"):
		return clienttest.JSON(400, `{"error":"invalid_grant"}`)
	case asked.Get("used") != "":
		p.twice++
		return clienttest.JSON(400, `{"error":"invalid_grant"}`)
	}
	asked.Set("used", "yes")
	first := fmt.Sprintf("%s%s.%d", canary, p.name, len(p.grants))
	p.grants = append(p.grants, clienttest.NewRotation(first))
	return firstAnswer(first)
}

// firstAnswer is what a code is exchanged for.
func firstAnswer(first string) clienttest.Answer {
	text, err := json.Marshal(fields{"access_token": clienttest.AccessToken(first, 0), "token_type": "Bearer", "expires_in": 3600, "refresh_token": first})
	if err != nil {
		panic(err) // it is text and a number
	}
	return clienttest.JSON(200, string(text))
}

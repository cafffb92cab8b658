package chaos

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// whose is whose the grant is that a person agrees to.
type whose int

const (
	theRoles  whose = iota // which is one for all
	theirOwn               // that of the entity that asks
	somebodys              // that of an owner whom a broker names
	whoseInAll
)

func (w whose) String() string { return [...]string{"the role's", "their own", "a named owner's"}[w] }

// bystander is another owner of each role that keeps a grant for each, who has one and does nothing.
const bystander = "bystander"

// agreedAt is where the browser of those ends who agree before anything is killed, and the verifier of their requests.
const (
	agreedAt     = "http://127.0.0.1:1/"
	withVerifier = "a-verifier-that-is-as-long-as-rfc-7636-wants-it"
)

// belongs makes the person's grant one of an owner of the role.
func (p *person) belongs(to whose) {
	switch p.whose = to; to {
	case theirOwn:
		p.owner, p.entity = enginetest.EntityID(p.name), enginetest.EntityID(p.name)
	case somebodys:
		p.owner = "owner-of-" + p.name
	}
}

// key is where the grant's state is stored.
func (p *person) key() string {
	if p.owner == "" {
		return p.name
	}
	return p.name + "/" + p.owner
}

// path is what follows creds/ and its like.
func (p *person) path() string {
	if p.entity != "" {
		return p.name
	}
	return p.key()
}

// ask makes a request about the person's grant, as whoever may.
func (p *person) ask(op logical.Operation, what string, f fields) (*logical.Response, error) {
	return p.lane.process.requestAs(context.Background(), p.entity, op, what+"/"+p.path(), f)
}

// settles gives the role's owners their first grants: the bystander, and the person where that one has one that lives.
func (p *person) settles() {
	p.lane.t.Helper()
	if p.living {
		first := canary + "code." + p.name + ".first"
		sum := sha256.Sum256([]byte(withVerifier))
		p.asked[first] = url.Values{"redirect_uri": {agreedAt}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}}
		p.grants, p.confirmed = nil, 0 // the exchange brings number 0
		if _, err := p.ask(logical.UpdateOperation, "confirm", fields{"authorization_code": first, "redirect_uri": agreedAt, "code_verifier": withVerifier}); err != nil {
			p.lane.t.Fatalf("%s: %v", p, err)
		}
		p.mu.Lock()
		p.presented = 0
		p.mu.Unlock()
	}
	p.lane.write(logical.UpdateOperation, "confirm/"+p.name+"/"+bystander, fields{"authorization_code": p.others(), "redirect_uri": agreedAt})
}

// others is the code of the bystander's grant, which begins its tokens too.
func (p *person) others() string { return canary + "other." + p.name }

// answerOther answers what is about the bystander's grant; false for anything else.
func (p *person) answerOther(r *clienttest.Request) (clienttest.Answer, bool) {
	switch {
	case p.owner == "":
	case r.Form.Get("code") == p.others():
		p.other = clienttest.NewRotation(p.others())
		return firstAnswer(p.others()), true
	case strings.HasPrefix(r.Form.Get("refresh_token"), p.others()):
		return p.other.Answer(r), true
	}
	return clienttest.Answer{}, false
}

// wantOthersWell asserts that the bystander has the grant that it had, and nobody else's.
func (p *person) wantOthersWell() {
	if p.owner == "" {
		return
	}
	_, refreshed := p.request(logical.UpdateOperation, "refresh/"+p.name+"/"+bystander, fields{})
	resp, err := p.request(logical.ReadOperation, "creds/"+p.name+"/"+bystander, nil)
	if err != nil || refreshed != nil {
		p.complain("the other owner's refresh says %v, a read %v", refreshed, err)
		return
	}
	if token, _ := resp.Data["access_token"].(string); !p.other.Live(token) || p.other.Replays() != (clienttest.Replays{}) {
		p.complain("the other owner has another token than their own, or spent ones were presented: %+v", p.other.Replays())
	}
}

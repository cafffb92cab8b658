package grant_test

import (
	"fmt"
	"net/http"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// kind is what a provider is like, and what the definition says of it.
type providerKind struct {
	Rotation string        // always, sometimes (every second refresh) or never
	Grace    time.Duration // how long a spent refresh token may come again
	Repeats  bool          // in the grace it is answered with the same pair, and a full expires_in
	Keys     bool          // there is an idempotency header; another body under a key is refused
	Forgets  bool          // the key is remembered for half an hour only
	Kills    bool          // a refresh ends the access token before it
	Idle     time.Duration // a refresh token that is not used for so long is dead; 0 for never
	Stated   time.Duration // refresh_token_expires_in of each refresh token, 0 for none
	Life     time.Duration // of the access tokens
}

// forgives tells whether a lost answer is no lost grant.
func (k providerKind) forgives() bool {
	return k.Grace > 0 || k.Keys || k.Rotation == client.RotationNever
}

const (
	modelKeysLive  = 30 * time.Minute
	modelKeyHeader = "Idempotency-Key"
)

// strict is the model of a provider: it ends a grant when a spent refresh token is presented to it in a
// way that it doesn't allow (RFC 9700 section 4.14.2). Its times are the true ones.
type strictProvider struct {
	providerKind
	secret string // the only client secret that it knows
	nested bool   // the tokens are under "data" in its answers

	grants  int // how many there were
	grant   int // the one that the role has
	dead    string
	refresh map[string]*issuedRefresh
	access  map[string]*issuedAccess
	keys    map[string]*keyRecord
	issued  int
}

type issuedRefresh struct {
	name      string
	grant     int
	issued    time.Time
	used      time.Time        // or issued
	told      bool             // the plugin was told of its end
	stepped   time.Duration    // world.stepped when it was used
	children  []*issuedRefresh // all that it was ever spent for
	ends      time.Time        // zero for never
	spent     time.Time        // zero as long as it is not
	key, body string           // that it was spent under
	next      *issuedPair      // that it was spent for
	delivered bool             // the plugin has got it, and has not lost it since
	vain      bool             // it was presented in vain, at first when
	vainAt    time.Duration    // world.stepped was this
	edits     int              // world.edits when it was spent
}

type issuedAccess struct {
	name      string
	grant     int
	scope     string
	issued    time.Time
	ends      time.Time
	serial    int           // of all tokens
	killedBy  *issuedAccess // whose refresh ended it
	delivered bool
	stepped   time.Duration // world.stepped when it was issued
	ageless   bool          // it may be the answer to a request of before a step of the clock: what it is worth nobody knows
}

// pair is an answer. The refresh token may be the one that was presented.
type issuedPair struct {
	access  *issuedAccess
	refresh *issuedRefresh
	rotated bool
	scope   string
}

// keyed is what the provider knows of an idempotency key.
type keyRecord struct {
	body string
	at   time.Time
	pair *issuedPair
	own  int // answers of the provider's own to requests under it that were no use
}

func newStrict(k providerKind) *strictProvider {
	return &strictProvider{providerKind: k, secret: enginetest.Canary + "secret", refresh: map[string]*issuedRefresh{}, access: map[string]*issuedAccess{}, keys: map[string]*keyRecord{}}
}

// authorize begins a new grant and returns its refresh token.
func (s *strictProvider) authorize(now time.Time, stepped time.Duration) string {
	s.grants++
	s.grant, s.dead = s.grants, ""
	rt := s.newRefreshToken(now)
	rt.delivered, rt.stepped = true, stepped
	return rt.name
}

func (s *strictProvider) newRefreshToken(now time.Time) *issuedRefresh {
	s.issued++
	rt := &issuedRefresh{name: issuedName(s.grant, "refresh", s.issued), grant: s.grant, issued: now, used: now}
	if s.Stated > 0 {
		rt.ends = now.Add(s.Stated)
	}
	s.refresh[rt.name] = rt
	return rt
}

func issuedName(grant int, what string, serial int) string {
	return fmt.Sprintf("%sgrant%d-%s%d", enginetest.Canary, grant, what, serial)
}

// end is when the refresh token dies if nothing is done; zero for never.
func (s *strictProvider) end(rt *issuedRefresh) time.Time {
	end := rt.ends
	if s.Idle > 0 && (end.IsZero() || rt.used.Add(s.Idle).Before(end)) {
		end = rt.used.Add(s.Idle)
	}
	return end
}

// ruling is what the provider makes of a request.
type ruling int

const (
	rulingRefreshed ruling = iota // as it should be
	rulingReplayed                // a spent token, in its grace or under its key
	rulingNoClient                // not looked at
	rulingWrongKey                // another request under a known key, not looked at
	rulingTooOld                  // too old
	rulingDeadGrant               // it has ended before
	rulingReused                  // a spent token, which ends the grant
	rulingStranger                // never issued
)

// judge rules on a request and, but for what is refused, changes the state accordingly.
func (s *strictProvider) judge(r *clienttest.Request, now time.Time, stepped time.Duration) (ruling, *issuedRefresh, *issuedPair) {
	if r.Form.Get("client_secret") != s.secret {
		return rulingNoClient, nil, nil
	}
	key, body, scope := r.Header.Get(modelKeyHeader), string(r.Body), r.Form.Get("scope")
	rt := s.refresh[r.Form.Get("refresh_token")]
	if rt == nil {
		return rulingStranger, nil, nil
	}
	if s.Keys {
		if known := s.keys[key]; known != nil && known.pair != nil && !(s.Forgets && now.Sub(known.at) >= modelKeysLive) {
			if known.body != body {
				return rulingWrongKey, rt, nil
			}
			return rulingReplayed, rt, known.pair
		}
	}
	switch {
	case rt.grant != s.grant || s.dead != "":
		return rulingDeadGrant, rt, nil
	case rt.spent.IsZero():
		if end := s.end(rt); !end.IsZero() && !now.Before(end) {
			return rulingTooOld, rt, nil
		}
		p := s.issue(rt, scope, now, stepped)
		s.remember(key, body, now, p)
		if p.rotated {
			rt.spent, rt.key, rt.body, rt.next = now, key, body, p
		}
		return rulingRefreshed, rt, p
	case now.Sub(rt.spent) < s.Grace:
		if s.Repeats && rt.next.scope == scope {
			return rulingReplayed, rt, rt.next
		}
		return rulingReplayed, rt, s.issue(rt, scope, now, stepped)
	}
	s.dead = "a spent refresh token was presented"
	return rulingReused, rt, nil
}

func (s *strictProvider) remember(key, body string, now time.Time, p *issuedPair) {
	if s.Keys && key != "" {
		s.key(key).body, s.key(key).at, s.key(key).pair = body, now, p
	}
}

func (s *strictProvider) key(name string) *keyRecord {
	if s.keys[name] == nil {
		s.keys[name] = new(keyRecord)
	}
	return s.keys[name]
}

func (s *strictProvider) issue(rt *issuedRefresh, scope string, now time.Time, stepped time.Duration) *issuedPair {
	s.issued++
	at := s.newAccess(scope, now, stepped)
	at.ageless = rt.vain && rt.vainAt != stepped
	if s.Kills {
		for _, before := range s.access {
			if before.killedBy == nil && before != at {
				before.killedBy = at
			}
		}
	}
	rt.used, rt.stepped = now, stepped
	if s.Rotation == client.RotationAlways || s.Rotation == client.RotationSometimes && s.issued%2 == 0 {
		next := s.newRefreshToken(now)
		next.stepped = stepped
		rt.children = append(rt.children, next)
		return &issuedPair{access: at, refresh: next, rotated: true, scope: scope}
	}
	return &issuedPair{access: at, refresh: rt, scope: scope}
}

// text is the answer's body, the refresh token first or last.
func (s *strictProvider) text(p *issuedPair, refreshFirst bool) string {
	access := fmt.Sprintf(`"access_token":%q,"token_type":"Bearer","expires_in":%d`, p.access.name, int(s.Life.Seconds()))
	text := access
	if p.rotated {
		next := fmt.Sprintf(`"refresh_token":%q`, p.refresh.name)
		if s.Stated > 0 {
			next += fmt.Sprintf(`,"refresh_token_expires_in":%d`, int(s.Stated.Seconds()))
		}
		text = access + "," + next
		if refreshFirst {
			text = next + "," + access
		}
	}
	if s.nested {
		return `{"status":"success","data":{` + text + `}}`
	}
	return "{" + text + "}"
}

// definition is what an operator writes of the provider.
func (k providerKind) definition(url string) enginetest.Fields {
	f := enginetest.Fields{
		"token_endpoint": url + "/token", "authorization_endpoint": url + "/authorize", "token_endpoint_auth_method": "client_secret_post",
		"refresh_token_rotation": k.Rotation, "refresh_invalidates_access_token": k.Kills,
		"reuse_grace": int(k.Grace.Seconds()), "refresh_token_idle_ttl": int(k.Idle.Seconds()),
	}
	if k.Keys {
		f["idempotency_header"] = modelKeyHeader
	}
	return f
}

// refusal is the answer to a request that brings nothing.
func (r ruling) refusal() clienttest.Answer {
	switch r {
	case rulingNoClient:
		return clienttest.JSON(http.StatusUnauthorized, `{"error":"invalid_client"}`)
	case rulingWrongKey:
		return clienttest.JSON(http.StatusUnprocessableEntity, `{"title":"Idempotency-Key is already used"}`)
	}
	return clienttest.JSON(http.StatusBadRequest, `{"error":"invalid_grant"}`)
}

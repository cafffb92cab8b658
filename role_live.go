package oauthrefresh

import (
	"slices"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
)

// slot is which one of several credentials of a kind.
type slot string

const (
	slotCurrent  slot = ""
	slotNext     slot = "next_"
	slotPrevious slot = "previous_" // of client secrets only
)

// choices are the credentials that an exchange may be made with, of each part the one to begin with first.
type choices map[part][]slot

// choices of a role begin with those that worked last.
func (r *role) choices(tok *token, now time.Time) choices {
	c := choices{}
	for _, p := range parts {
		of := []slot{slotCurrent}
		if r.Next.has(p) && r.mayTryNext(p, now) {
			of = append(of, slotNext)
		}
		if p == partSecret && r.PreviousClientSecret.IsSet() {
			of = append(of, slotPrevious)
		}
		if live := r.live(p, tok); live != slotCurrent && slices.Contains(of, live) {
			of = append([]slot{live}, slices.DeleteFunc(of, func(s slot) bool { return s == live })...)
		}
		c[p] = of
	}
	return c
}

// mayTryNext tells whether the time of the credentials to come has begun.
func (r *role) mayTryNext(p part, now time.Time) bool {
	if now.Before(r.Next.From) {
		return false
	}
	if p != partCertificate {
		return true
	}
	id, err := r.Next.identity()
	return err == nil && !now.Before(id.NotBefore())
}

// live is which one worked last. Any write to the role makes its new client secret first again.
func (r *role) live(p part, tok *token) slot {
	switch {
	case tok.Next != nil && r.Next.ID == tok.Next.ID && r.Next.has(p) && slices.Contains(tok.Next.Parts, p):
		return slotNext
	case p == partSecret && r.PreviousClientSecret.IsSet() && tok.PreviousSecretOf == r.Revision:
		return slotPrevious
	}
	return slotCurrent
}

// pick puts together the credentials that the choices begin with.
func (r *role) pick(c choices) credentials {
	who := r.credentials
	for _, p := range parts {
		switch c[p][0] {
		case slotNext:
			who.take(p, r.Next.credentials)
		case slotPrevious:
			who.ClientSecret = r.PreviousClientSecret
		}
	}
	return who
}

// inUse are the credentials that worked last, to be used for anything but a refresh.
func (r *role) credentialsInUse(tok *token) credentials { return r.pick(r.choices(tok, time.Now())) }

// refusedPart is what the provider refuses when it refuses the client: what the client authenticates with.
// Only that says that something else was wrong with no request, so that nothing was looked at but the
// client. The JWT bearer grant has one word for a refused key and a refused grant, and nothing to spend.
func (t *target) refusedPart(e *client.Error) (part, bool) {
	keyed := e.Code == "invalid_grant" && t.role.GrantType == client.GrantJWTBearer
	switch method := t.provider.TokenEndpointAuthMethod; {
	case e.Class == client.ClientRefused && e.Certificate:
		return partCertificate, true
	case !keyed && (e.Class != client.ClientRefused || e.Code != "invalid_client"):
		return "", false
	case method == client.AuthTLS || method == client.AuthSelfSignedTLS:
		return partCertificate, true
	case keyed || method == client.AuthKeyJWT || method == client.AuthNone || !t.role.ClientSecret.IsSet():
		if t.role.AssertionKey.IsSet() || t.role.Next.has(partKey) {
			return partKey, true
		}
		return partCertificate, true
	}
	return partSecret, true
}

package oauthrefresh

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// exchange names what a request asks for and of whom. An idempotency key is of one such exchange:
// with another body, providers refuse it or answer what they answered before. Whoever has edited
// something else, a timeout or a lease's length, has not made it another one.
func (t *target) exchange() string {
	r, p := t.role, t.provider
	return digest(t.endpoints.Token, r.GrantType, r.ClientID, r.Scope, revealAll(r.TokenParams),
		p.TokenParams, p.TokenEndpointAuthMethod, p.RequestFormat, p.SendScope)
}

// verdict names what a refusal of the grant is about: the exchange, and how its answer was read. Whoever
// corrects a client_id, an endpoint or permanent_errors may find that the grant is alive.
func (t *target) verdict() string {
	return digest(t.exchange(), revealAll(t.role.TokenHeaders), t.provider.PermanentErrors)
}

// version names what an exchange is made with. A failure is remembered for one version: whoever
// writes the role, its provider or the configuration wants to see at once whether that helped.
func (t *target) version() string {
	return digest(t.role.Revision, t.provider, t.config)
}

// digest is a short name for values: equal for equal ones, and telling nothing about them.
func digest(values ...any) string {
	text, err := json.Marshal(values)
	if err != nil {
		return "" // not for the types above
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

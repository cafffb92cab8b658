package client

import "time"

// made is what was made for a Request. It stands behind a pointer, so that nothing that prints a Request shows it.
type made struct {
	assertions  []string // all of them: each is a secret as long as it lives
	body        []byte   // of the latest exchange
	contentType string
	at          time.Time
}

// remember returns what was made before, or the place for it.
func (r *Request) remember() *made {
	if r.made == nil {
		r.made = new(made)
	}
	return r.made
}

// compose makes the body of an exchange that begins now, and keeps it.
func (r *Request) compose(params []param, now time.Time) {
	m := r.remember()
	m.body, m.contentType = encode(r.Provider.RequestFormat, params, r.IdempotencyKey)
	m.at = now
}

// assertionMargin is how long an assertion must live on to be sent once more.
const assertionMargin = 30 * time.Second

// repeats tells whether the body made before is to be sent again.
func (r *Request) repeats(now time.Time) bool {
	if !r.Repeat || r.made == nil || r.made.body == nil {
		return false
	}
	age := now.Sub(r.made.at)
	return !r.Signed() || age >= 0 && age <= assertionLifetime-assertionBackdating-assertionMargin
}

// Signed tells whether the request holds an assertion, which is another one each time: as the client's
// authentication, or as the grant itself.
func (r *Request) Signed() bool {
	method := r.authMethod()
	return r.GrantType == GrantJWTBearer || method == AuthKeyJWT || method == AuthSecretJWT
}

package chaos

import (
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// process refreshes the grant, and notes whether it came long before it can have been due.
func (g *grant) process(r *clienttest.Request) clienttest.Answer {
	answer := g.current().Answer(r)
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.last.IsZero() && g.began.Sub(g.last) < g.young()/2 {
		g.early++
	}
	g.renewed, g.last = time.Now(), g.began
	return answer
}

// answer is the provider's side of a refresh.
func (g *grant) answer(r *clienttest.Request) clienttest.Answer {
	if g.script != nil {
		return g.script(g, r)
	}
	if !g.knows(r.Form.Get("client_secret")) {
		return clienttest.JSON(401, `{"error":"invalid_client"}`)
	}
	t, lost := g.armed(), clienttest.Answer{Drop: true}
	if t.hold(requestSent) {
		return lost
	}
	late := t.hold(processedLate) || t.hold(processedLast)
	answer := g.process(r)
	if late || t.hold(rotated) {
		return lost
	}
	t.pass(answered)
	return answer
}

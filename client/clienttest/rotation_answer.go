package clienttest

import (
	"fmt"
	"time"
)

// refused is what a token gets that is unknown, ended or spent.
var refused = JSON(400, `{"error":"invalid_grant","error_description":"the refresh token is invalid"}`)

// Answer refreshes the grant, or refuses with invalid_grant. It judges the form only by
// grant_type and refresh_token: how the client authenticates is for a test's own handler.
func (g *Rotation) Answer(r *Request) Answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.Form.Get("grant_type") != "refresh_token" {
		return JSON(400, `{"error":"unsupported_grant_type"}`)
	}
	presented, key := r.Form.Get("refresh_token"), ""
	if g.IdempotencyHeader != "" {
		key = r.Header.Get(g.IdempotencyHeader)
	}
	first := g.spent[presented]
	switch {
	case first != nil:
		return g.replay(first, key)
	case g.revoked, !g.valid[presented]:
		return refused
	}
	answer := g.issue()
	if !g.KeepRefreshToken {
		delete(g.valid, presented)
		g.spent[presented] = &spend{at: time.Now(), key: key, answer: answer}
	}
	return answer
}

// replay answers a spent token.
func (g *Rotation) replay(first *spend, key string) Answer {
	again := key != "" && key == first.key
	if g.revoked || !again && time.Since(first.at) >= g.ReuseGrace {
		g.revoked = true
		g.replays.Refused++
		return refused
	}
	g.replays.Allowed++
	if again {
		return first.answer
	}
	return g.issue()
}

// issue makes the next pair of tokens.
func (g *Rotation) issue() Answer {
	g.count++
	access, next := AccessToken(g.start, g.count), ""
	g.issued[access] = true
	if !g.KeepRefreshToken {
		g.valid[g.current()] = true
		next = fmt.Sprintf(`,"refresh_token":%q`, g.current())
	}
	lifetime := g.ExpiresIn
	if lifetime == 0 {
		lifetime = 3600
	}
	return JSON(200, fmt.Sprintf(`{"access_token":%q,"token_type":"Bearer","expires_in":%d%s}`, access, lifetime, next))
}

func (g *Rotation) current() string {
	if g.count == 0 || g.KeepRefreshToken {
		return g.start
	}
	return fmt.Sprintf("%s-%d", g.start, g.count)
}

// AccessToken is the n-th access token of the Rotation that starts at the given refresh token. It begins like
// that one, so that a test which looks for its secrets finds it, and doesn't contain it: no client hands out
// such a token.
func AccessToken(refreshToken string, n int) string {
	last := len(refreshToken) - 1
	return fmt.Sprintf("%s-access-%d-%s", refreshToken[:last], n, refreshToken[last:])
}

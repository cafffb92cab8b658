package chaos

import (
	"bytes"
	"compress/gzip"
	"strings"
	"sync"
	"time"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// script is what the provider does with the requests of one grant instead of answering them.
type script func(g *grant, r *clienttest.Request) clienttest.Answer

// inTurn does one thing after another with the requests, and answers them when that is over.
func inTurn(turns ...script) script {
	var mu sync.Mutex
	return func(g *grant, r *clienttest.Request) clienttest.Answer {
		mu.Lock()
		defer mu.Unlock()
		if len(turns) == 0 {
			return g.process(r)
		}
		turn := turns[0]
		turns = turns[1:]
		return turn(g, r)
	}
}

// holds rotates the token and holds its answer back.
func holds(d time.Duration) script {
	return func(g *grant, r *clienttest.Request) clienttest.Answer {
		answer, gate := g.process(r), make(chan struct{})
		time.AfterFunc(d, func() { close(gate) })
		answer.Gate = gate
		return answer
	}
}

// loses rotates the token and hangs up.
func loses(g *grant, r *clienttest.Request) clienttest.Answer {
	g.process(r)
	return clienttest.Answer{Drop: true}
}

// fails rotates the token and answers otherwise.
func fails(answer clienttest.Answer) script {
	return func(g *grant, r *clienttest.Request) clienttest.Answer {
		g.process(r)
		return answer
	}
}

// refuses does nothing else.
func refuses(answer clienttest.Answer) script {
	return func(*grant, *clienttest.Request) clienttest.Answer { return answer }
}

// retryLater is an answer that asks for two minutes.
func retryLater(status int) clienttest.Answer {
	return clienttest.JSON(status, `{"error":"server_error"}`).With("Retry-After", "120")
}

// compares refuses another request under a key that it has seen (draft-ietf-httpapi-idempotency-key-header).
func compares(header string, then script) script {
	var mu sync.Mutex
	seen := map[string]string{}
	return func(g *grant, r *clienttest.Request) clienttest.Answer {
		mu.Lock()
		defer mu.Unlock()
		key := r.Header.Get(header)
		if body, ok := seen[key]; ok && body != string(r.Body) {
			return clienttest.JSON(422, `{"title":"Idempotency-Key is already used"}`)
		}
		seen[key] = string(r.Body)
		return then(g, r)
	}
}

// keepsKey processes nothing under the first key that comes, and refuses it from then on.
func keepsKey(header string) script {
	var mu sync.Mutex
	first := ""
	return func(g *grant, r *clienttest.Request) clienttest.Answer {
		mu.Lock()
		defer mu.Unlock()
		key := r.Header.Get(header)
		switch first {
		case "":
			first = key
			return clienttest.Answer{Drop: true}
		case key:
			return clienttest.JSON(422, `{"title":"Idempotency-Key is already used"}`)
		}
		return g.process(r)
	}
}

// wraps puts the whole answer under "data".
func wraps(g *grant, r *clienttest.Request) clienttest.Answer {
	answer := g.process(r)
	if strings.Contains(answer.Body, "access_token") {
		answer.Body = `{"status":"success","data":` + answer.Body + `}`
	}
	return answer
}

// packs compresses the first answer without saying so.
func packs(g *grant, r *clienttest.Request) clienttest.Answer {
	answer := g.process(r)
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(answer.Body))
	_ = z.Close()
	answer.Body = b.String()
	return answer
}

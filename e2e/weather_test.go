package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// weather is what a network and a gateway do to token requests, in turn. Nothing in it makes a client that has
// done everything right present a spent refresh token: either the request never reaches the server, or the new
// refresh token comes through.
type weather struct {
	mu   sync.Mutex
	n    int
	seen map[string]int
	over bool
}

// Most requests pass, as back-off grows where several in a row fail.
var skies = []string{
	"clear", "slow", "clear", "busy", "clear", "cut off", "clear", "dropped", "slow", "clear", "gateway", "clear", "noise", "clear", "late",
}

func (w *weather) next() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.seen == nil {
		w.seen = map[string]int{}
	}
	if w.over {
		return "clear"
	}
	sky := skies[w.n%len(skies)]
	w.n++
	w.seen[sky]++
	return sky
}

// clear ends the bad weather.
func (w *weather) clear() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
}

// String tells how often each was met.
func (w *weather) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprint(w.seen)
}

// pass lets one request through the weather.
func (w *weather) pass(out http.ResponseWriter, r *http.Request, server http.HandlerFunc) {
	if w == nil {
		server(out, r)
		return
	}
	switch w.next() {
	case "busy":
		out.Header().Set("Retry-After", "1")
		http.Error(out, "come back later", http.StatusServiceUnavailable)
	case "gateway":
		http.Error(out, "<html>upstream connect error</html>", http.StatusBadGateway)
	case "dropped":
		panic(http.ErrAbortHandler) // the connection is cut before the server has seen the request
	case "slow": // the server's turn comes late
		time.Sleep(time.Second)
		server(out, r)
	case "late": // its answer does
		answer := record(r, server)
		time.Sleep(time.Second)
		send(out, answer, answer.Body.String())
	case "cut off": // behind the refresh token
		answer := record(r, server)
		before, _, found := strings.Cut(answer.Body.String(), `,"scope"`)
		out.Header().Set("Content-Length", fmt.Sprint(answer.Body.Len()))
		send(out, answer, before)
		if found {
			panic(http.ErrAbortHandler)
		}
	case "noise":
		answer := record(r, server)
		send(out, answer, "<br />\n<b>Warning</b>: deprecated\n"+answer.Body.String())
	default:
		server(out, r)
	}
}

func record(r *http.Request, server http.HandlerFunc) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	server(answer, r)
	return answer
}

func send(out http.ResponseWriter, answer *httptest.ResponseRecorder, body string) {
	out.Header().Set("Content-Type", answer.Header().Get("Content-Type"))
	out.WriteHeader(answer.Code)
	_, _ = out.Write([]byte(body))
	_ = http.NewResponseController(out).Flush()
}

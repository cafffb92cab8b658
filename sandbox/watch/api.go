// Package watch is how a person or a test sees what the sandbox has received and steers what it does next: the Journal,
// which holds no secret, and the API over HTTP. What is ordered there, an oauth.Ledger does.
package watch

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
)

// API is the API for whoever watches the sandbox: plain HTTP, loopback only, JSON.
//
//	GET  /requests?provider=P&after=N   what was received after number N, see Entry; with wait=5s it
//	                                    waits that long for something to come
//	GET  /stats                         counts and grants by provider, see oauth.Stats
//	POST /control                       change behaviour, of a provider, a client or a grant, see oauth.Order
//	POST /grant      {provider, client_id}   start a new grant; gives its refresh_token
//	POST /introspect {provider, token}  is this access token live? see oauth.TokenState
//	GET  /api/P      with Bearer        200 if the token is live at provider P, else 401
//	POST /reset                         everything as it was at the start
type API struct {
	mux     *http.ServeMux
	ledgers oauth.Ledgers
	journal *Journal
	now     func() time.Time
}

// NewAPI is for the ledgers and the journal of one sandbox.
func NewAPI(all oauth.Ledgers, j *Journal, now func() time.Time) *API {
	a := &API{mux: http.NewServeMux(), ledgers: all, journal: j, now: now}
	a.mux.HandleFunc("GET /requests", a.getRequests)
	a.mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { send(w, http.StatusOK, a.stats()) })
	a.mux.HandleFunc("POST /reset", func(w http.ResponseWriter, _ *http.Request) {
		a.reset()
		send(w, http.StatusOK, map[string]any{})
	})
	a.mux.HandleFunc("POST /control", a.postControl)
	a.mux.HandleFunc("POST /grant", a.postGrant)
	a.mux.HandleFunc("POST /introspect", a.postIntrospect)
	a.mux.HandleFunc("GET /api/{provider}", a.getAPI)
	return a
}

// ServeHTTP answers who watches.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.mux.ServeHTTP(w, r) }

func (a *API) getRequests(w http.ResponseWriter, r *http.Request) {
	var after int
	var wait time.Duration
	var err error
	if v := r.FormValue("after"); v != "" {
		after, err = strconv.Atoi(v)
	}
	if v := r.FormValue("wait"); v != "" && err == nil {
		wait, err = time.ParseDuration(v)
	}
	if err != nil {
		sendError(w, http.StatusBadRequest, "after is a number, wait a duration such as 5s")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), wait)
	defer cancel()
	send(w, http.StatusOK, a.journal.wait(ctx, r.FormValue("provider"), after))
}

func (a *API) stats() map[string]oauth.Stats {
	out := map[string]oauth.Stats{}
	for _, l := range a.ledgers {
		out[l.Name] = l.Snapshot(a.now())
	}
	return out
}

func (a *API) reset() {
	for _, l := range a.ledgers {
		l.Reset(a.now())
	}
	a.journal.clear()
}

// receive reads a JSON body strictly: a misspelt field must not pass for an order that was carried out.
func receive(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, oauth.MaxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil && err != io.EOF {
		sendError(w, http.StatusBadRequest, err.Error())
		return false
	}
	return true
}

func send(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}

func sendError(w http.ResponseWriter, status int, text string) {
	send(w, status, map[string]string{"error": text})
}

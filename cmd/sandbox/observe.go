package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// observe is the API for whoever watches the sandbox: plain HTTP, loopback only, JSON.
//
//	GET  /requests?provider=P&after=N   what was received after number N, see entry
//	GET  /stats                         counts and grants by provider, see statsAnswer
//	POST /control                       change behaviour, see control
//	POST /grant      {provider, client_id}   start a new grant; gives its refresh_token
//	POST /introspect {provider, token}  is this access token live? see tokenState
//	GET  /api/P      with Bearer        200 if the token is live at provider P, else 401
//	POST /reset                         everything as it was at the start
func (s *sandbox) observe() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /requests", func(w http.ResponseWriter, r *http.Request) {
		after, _ := strconv.Atoi(r.FormValue("after"))
		send(w, http.StatusOK, s.journal.list(r.FormValue("provider"), after))
	})
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { send(w, http.StatusOK, s.stats()) })
	mux.HandleFunc("POST /reset", func(w http.ResponseWriter, _ *http.Request) {
		s.reset()
		send(w, http.StatusOK, map[string]any{})
	})
	mux.HandleFunc("POST /control", s.postControl)
	mux.HandleFunc("POST /grant", s.postGrant)
	mux.HandleFunc("POST /introspect", s.postIntrospect)
	mux.HandleFunc("GET /api/{provider}", s.getAPI)
	return mux
}

func (s *sandbox) stats() map[string]statsAnswer {
	out := map[string]statsAnswer{}
	for _, l := range s.ledgers {
		l.mu.Lock()
		out[l.name] = l.snapshot(s.now())
		l.mu.Unlock()
	}
	return out
}

func (s *sandbox) reset() {
	for _, l := range s.ledgers {
		l.mu.Lock()
		l.reset(s.now())
		l.mu.Unlock()
	}
	s.journal.clear()
}

// postGrant starts a new grant, as a person's new consent would, for an application (the first, unless
// client_id names another).
func (s *sandbox) postGrant(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Provider string `json:"provider"`
		ClientID string `json:"client_id"`
	}
	if !receive(w, r, &in) {
		return
	}
	l := s.ledger(in.Provider)
	if l == nil {
		sendError(w, http.StatusNotFound, "no such provider")
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.apps {
		if a := &l.apps[i]; in.ClientID == "" || in.ClientID == a.id {
			token := l.policy.refreshToken()
			l.authorize(a, token, s.now())
			send(w, http.StatusOK, map[string]string{"client_id": a.id, "refresh_token": token})
			return
		}
	}
	sendError(w, http.StatusNotFound, "no such client_id at this provider")
}

func (s *sandbox) postIntrospect(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Provider string `json:"provider"`
		Token    string `json:"token"`
	}
	if !receive(w, r, &in) {
		return
	}
	l := s.ledger(in.Provider)
	if l == nil {
		sendError(w, http.StatusNotFound, "no such provider")
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	send(w, http.StatusOK, l.inspect(in.Token, s.now()))
}

// getAPI is a provider's API reduced to one question: is this access token good right now?
func (s *sandbox) getAPI(w http.ResponseWriter, r *http.Request) {
	l := s.ledger(r.PathValue("provider"))
	if l == nil {
		sendError(w, http.StatusNotFound, "no such provider")
		return
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.APICalls++
	state := l.inspect(token, s.now())
	if !strings.EqualFold(scheme, "Bearer") || !state.Active {
		l.stats.APIRefused++
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`) // RFC 6750 section 3
		send(w, http.StatusUnauthorized, state)
		return
	}
	send(w, http.StatusOK, state)
}

// receive reads a JSON body strictly: a misspelt field must not pass for an order that was carried out.
func receive(w http.ResponseWriter, r *http.Request, into any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
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

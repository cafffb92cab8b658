package main

import (
	"net/http"
	"strings"
)

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

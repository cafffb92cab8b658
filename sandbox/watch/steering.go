package watch

import (
	"net/http"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
)

// control is the body of POST /control; without a provider it goes to all.
type control struct {
	Provider string `json:"provider"`
	oauth.Order
}

func (a *API) postControl(w http.ResponseWriter, r *http.Request) {
	var in control
	if !receive(w, r, &in) {
		return
	}
	if why := in.Check(); why != "" {
		sendError(w, http.StatusBadRequest, why)
		return
	}
	found := false
	for _, l := range a.ledgers {
		if in.Provider == "" || in.Provider == l.Name {
			found = l.Obey(&in.Order) || found
		}
	}
	if !found {
		sendError(w, http.StatusNotFound, "no such provider, or no such client_id or refresh_token there")
		return
	}
	send(w, http.StatusOK, map[string]any{})
}

// postGrant starts a new grant, as a person's new consent would, for an application (the first, unless
// client_id names another).
func (a *API) postGrant(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Provider string `json:"provider"`
		ClientID string `json:"client_id"`
	}
	l := a.receiveFor(w, r, &in, &in.Provider)
	if l == nil {
		return
	}
	id, token := l.Consent(in.ClientID, a.now())
	if id == "" {
		sendError(w, http.StatusNotFound, "no such client_id at this provider")
		return
	}
	send(w, http.StatusOK, map[string]string{"client_id": id, "refresh_token": token})
}

func (a *API) postIntrospect(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Provider string `json:"provider"`
		Token    string `json:"token"`
	}
	if l := a.receiveFor(w, r, &in, &in.Provider); l != nil {
		send(w, http.StatusOK, l.Inspect(in.Token, a.now()))
	}
}

// receiveFor reads a body and finds the provider that it names; nil when that has been answered with a refusal.
func (a *API) receiveFor(w http.ResponseWriter, r *http.Request, into any, provider *string) *oauth.Ledger {
	if !receive(w, r, into) {
		return nil
	}
	return a.named(w, *provider)
}

// named finds a provider; nil when it has been answered that there is none.
func (a *API) named(w http.ResponseWriter, provider string) *oauth.Ledger {
	l := a.ledgers.Named(provider)
	if l == nil {
		sendError(w, http.StatusNotFound, "no such provider")
	}
	return l
}

// getAPI is a provider's API reduced to one question: is this access token good right now?
func (a *API) getAPI(w http.ResponseWriter, r *http.Request) {
	l := a.named(w, r.PathValue("provider"))
	if l == nil {
		return
	}
	state, ok := l.Present(r.Header, a.now())
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`) // RFC 6750 section 3
		send(w, http.StatusUnauthorized, state)
		return
	}
	send(w, http.StatusOK, state)
}

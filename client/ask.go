package client

import (
	"context"

	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// ask sends parameters with the client's authentication to an endpoint where a consent begins, and where nothing can be
// spent, as a form: the RFCs of these endpoints know no other format. It returns what the request was, for errors.
func (r *Request) ask(ctx context.Context, o Options, params []param) (*answer, *Request, error) {
	if err := r.checkClient(); err != nil {
		return nil, nil, err
	}
	sent := *r
	sent.GrantType, sent.RefreshToken, sent.made = "", Secret{}, nil
	who, err := sent.clientParams(clock.Now())
	if err != nil {
		return nil, nil, unsent(err.Error())
	}
	for _, p := range who {
		if p.name != "client_id" { // it is among the parameters
			params = append(params, p)
		}
	}
	body, contentType := encode(FormatForm, params, "")
	header := sent.headers()
	header.Set("Content-Type", contentType)
	a, err := o.post(ctx, &sent, body, header)
	return a, &sent, harmless(err)
}

// refusal is the error for an answer that is none of those asked for.
func (a *answer) refusal(sent *Request, doc document) error {
	e := a.failure(sent, doc)
	if e.Code == "invalid_request" && e.Class == ClientRefused {
		e.Reason = "the {endpoint} found the request malformed: check redirect_uri, scope, pkce, response_mode, authorization_params and token_endpoint_auth_method"
	}
	return harmless(e)
}

// harmless says of a request that can spend nothing what its failure means: where the outcome is unknown, it does not
// matter, and there is no grant that could be refused.
func harmless(err error) error {
	e, ok := err.(*Error)
	if !ok {
		return err
	}
	switch e.Class {
	case OutcomeUnknown:
		e.Class = NotProcessed
	case GrantRefused:
		e.Class, e.Reason = ClientRefused, "the {endpoint} refused the request: check the credentials, the scope and the application's settings at the provider"
	}
	e.Entry, e.Silent, e.Ambiguous = "", false, false
	return e
}

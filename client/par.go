package client

import (
	"context"
	"time"

	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// What holds of a pushed request where the server does not say how long it is good, or says too much.
const (
	defaultPushedLifetime = time.Minute
	maxPushedLifetime     = time.Hour
)

// PushAuthorization sends an authorization request to the endpoint for pushed ones, which r.Endpoint is, with the
// client's authentication as at the token endpoint (RFC 9126 section 2.1). It returns the request_uri for
// AuthorizationRequest.PushedURL, which is good once, and how long it is. Of r it uses what AuthorizeDevice does, and
// no Scope. Errors are as with AuthorizeDevice.
func PushAuthorization(ctx context.Context, o Options, r *Request, a *AuthorizationRequest) (requestURI string, lifetime time.Duration, err error) {
	requestURI, lifetime, err = pushAuthorization(ctx, o, r, a)
	return requestURI, lifetime, atPushedEndpoint.failed(err)
}

func pushAuthorization(ctx context.Context, o Options, r *Request, request *AuthorizationRequest) (string, time.Duration, error) {
	a, sent, err := r.ask(ctx, o, request.params())
	if err != nil {
		return "", 0, err
	}
	doc := parseDocument(a.body, a.cut)
	if a.status < 200 || a.status > 299 || doc.saysError(false) {
		return "", 0, a.refusal(sent, doc)
	}
	uri := doc.textAt("/request_uri")
	left := defaultPushedLifetime
	if stated := lifetime(lookup(doc.root, "/expires_in"), clock.Now()); stated.known {
		left = min(stated.left, maxPushedLifetime)
	}
	if !doc.whole || uri == "" || len(uri) > maxText || !isVisible(uri) || isOrHolds(uri, sent.secrets()) || left <= 0 {
		return "", 0, untold("the {endpoint}'s answer could not be used: it was incomplete, or held no request_uri that is still good: check {field}")
	}
	return uri, left, nil
}

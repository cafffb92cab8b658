package client

import (
	"bytes"
	"net/http"
	"slices"

	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// knownCodes are the error codes that mean something wherever they occur, with what they mean.
// Unregistered ones name the provider whose documentation has them.
var knownCodes = map[string]Class{
	"invalid_grant":         GrantRefused, // RFC 6749
	"bad_refresh_token":     GrantRefused, // GitHub (with status 200), HubSpot (as status)
	"invalid_refresh_token": GrantRefused, // Slack
	"token_revoked":         GrantRefused, // Slack, see slackCodes
	"token_expired":         GrantRefused, // Slack, see slackCodes

	"invalid_request":              ClientRefused, // RFC 6749, this one to invalid_scope
	"invalid_client":               ClientRefused,
	"unauthorized_client":          ClientRefused,
	"unsupported_grant_type":       ClientRefused,
	"invalid_scope":                ClientRefused,
	"access_denied":                ClientRefused, // Atlassian, for a wrong client secret
	"incorrect_client_credentials": ClientRefused, // GitHub
	"redirect_uri_mismatch":        ClientRefused, // GitHub
	"invalid_client_id":            ClientRefused, // Slack
	"bad_client_secret":            ClientRefused, // Slack
	"unsupported_token_type":       ClientRefused, // RFC 7009
	"invalid_target":               ClientRefused, // RFC 8707
	"invalid_dpop_proof":           ClientRefused, // RFC 9449
	"use_dpop_nonce":               ClientRefused, // RFC 9449
	"interaction_required":         ClientRefused, // OpenID Connect, Microsoft: a person must act, this to consent_required
	"login_required":               ClientRefused,
	"consent_required":             ClientRefused,

	// RFC 6749 has these two for the authorization endpoint only; servers send them here too.
	"temporarily_unavailable": NotProcessed,
	"server_error":            OutcomeUnknown,

	"slow_down":           NotProcessed, // RFC 8628
	"rate_limit_exceeded": NotProcessed, // Salesforce
	"rate_limited":        NotProcessed,
	"ratelimited":         NotProcessed, // Slack
	"too_many_requests":   NotProcessed,

	// Slack: "It's possible some aspect of the operation succeeded".
	"internal_error":        OutcomeUnknown,
	"fatal_error":           OutcomeUnknown,
	"internal_server_error": OutcomeUnknown,
}

// proofCodes say that what the client proves itself with is wrong, and nothing else.
var proofCodes = []string{"invalid_client", "incorrect_client_credentials", "bad_client_secret"}

// unauthorizedCodes say so with status 401, which RFC 6749 section 5.2 has for a client that could not be
// authenticated: Keycloak, Atlassian and UAA. Exact Online says the first of a refresh token that was used before.
// With any other status they are about what the client may do.
var unauthorizedCodes = []string{"unauthorized_client", "access_denied", codeUnauthorized}

// codeUnauthorized is UAA's. Without status 401 it says no more than a status does.
const codeUnauthorized = "unauthorized"

// slackCodes are words that gateways use too, of tokens of their own. Slack says them with status 200.
var slackCodes = []string{"token_revoked", "token_expired"}

// failure classifies an answer that is no success.
func (a *answer) failure(r *Request, doc document) *Error {
	found := findErrors(doc.root)
	found.texts = appendText(found.texts, doc.complaint)
	retry := retryAfter(a.header)
	bare := a.isBare(doc, found)
	if bare && doc.root == nil {
		found.texts = appendText(found.texts, string(doc.text))
	}
	later, _ := longestWait(a.header) // a gateway's 503 says 0 as well
	class, code := classify(a.status, later > 0, found, doc, r, bare)
	e := &Error{
		Class: class, Code: code, Status: a.status,
		RequestID:  r.requestID(a.header, longSecrets(doc.kept)...),
		RetryAfter: retry,
		Own:        doc.whole && !fromGateway(a.status),
		Silent:     bare && class == NotProcessed,
	}
	e.Unauthenticated = e.Own && a.refusesProof(class, code)
	e.Ambiguous = e.Unauthenticated && r.spends() && !slices.Contains(proofCodes, code)
	if class == NotProcessed && a.status/100 == 4 && refusesOnly(code) && found.speaksOfTooEarly() {
		e.Reason, e.Silent = tooEarlyReason, false
		return e
	}
	e.Reason = a.reason(e, r)
	if r.GrantType != GrantAuthorizationCode && r.GrantType != GrantDeviceCode { // a code that is refused is no grant yet
		e.Entry = e.entry(found, doc, r)
	}
	if code == codeSlowDown {
		e.interval = lifetime(lookup(doc.root, "/interval"), clock.Now()).left
	}
	a.nameCertificate(e, found, doc, r)
	return e
}

// refusesProof tells whether an answer with this code says that what the client proves itself with was refused. Not
// with a 5xx: that can come from the midst of a server's work.
func (a *answer) refusesProof(class Class, code string) bool {
	if class != ClientRefused || a.status >= 500 {
		return false
	}
	return slices.Contains(proofCodes, code) || a.status == http.StatusUnauthorized && slices.Contains(unauthorizedCodes, code)
}

// refusesOnly tells a code, or none, that says nothing of the grant.
func refusesOnly(code string) bool { return code == "" || knownCodes[code] == ClientRefused }

// isBare tells whether an answer is a refusal of the token endpoint's own that gives no code: an empty body, or a
// document without one. A page is of something in front of it, and some statuses say enough by themselves. Plain
// text counts where RFC 6749 has the status for refusals (400, 401): some servers write a sentence.
func (a *answer) isBare(doc document, found errorsFound) bool {
	switch {
	case a.status < 400 || a.status > 499 || slices.Contains(passing, a.status) || slices.Contains(notRefused, a.status):
		return false
	case doc.isPage() || doc.cut:
		return false
	case len(doc.text) == 0 || doc.whole:
		return len(found.ownCodes(a.status)) == 0
	}
	return (a.status == http.StatusBadRequest || a.status == http.StatusUnauthorized) && !bytes.ContainsAny(doc.text[:1], "{[")
}

// notRefused are statuses of a request that did not get to where clients and refresh tokens are looked at.
var notRefused = []int{http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusProxyAuthRequired, http.StatusUnsupportedMediaType}

// fromGateway tells a status that is usually not the server's own, but of something in front of it that
// has lost it: it says nothing of what the server did.
func fromGateway(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout ||
		status >= 520 // Cloudflare's
}

// classify goes by the error code first and by the status second: invalid_grant comes with 400
// (RFC 6749), 401 (Laravel Passport), 403 (Auth0), 500 (CyberSource) and 200 (GitHub's kind).
// Two statuses come before any code: 429, since rate limiters in front of a server have their own
// ideas of codes, and 3xx, since a redirect comes from no token endpoint.
//
// Without a code, a 503 may be a gateway's whose connection was reset after the server had done its work;
// one that says when to come back is a server's that has not begun, unless it is a page: Varnish sends one with
// Retry-After: 5 when its backend resets the connection or says nothing in time. A 409 is how servers answer an
// idempotency key whose first request they still work on, a 408 how they give up in the midst of one.
//
// A token endpoint that says invalid_token with 401 speaks of the refresh token, the one token that it was given
// (RFC 6750 section 3.1, UAA). And invalid_grant with a text that speaks of a rate limit is no refusal: the same
// refresh token is taken after a pause. Nor is a refusal of the client that says in its text that the access token is
// still good (Exact Online, with access_denied): the client is right, and too early.
func classify(status int, comeBack bool, found errorsFound, doc document, r *Request, bare bool) (Class, string) {
	if class, code, ok := r.ofCode(status, found); ok {
		return class, code
	}
	switch {
	case status >= 300 && status < 400:
		return ClientRefused, ""
	case status == http.StatusTooManyRequests:
		return NotProcessed, found.known()
	}
	if code, ok := found.permanent(r.Provider.PermanentErrors, status, bare); ok {
		return GrantRefused, code
	}
	if status == http.StatusUnauthorized && doc.isObject() && r.GrantType != "" && slices.Contains(found.codes, "invalid_token") {
		return GrantRefused, "invalid_token"
	}
	if code := found.known(); code == "invalid_grant" && found.speaksOfRate() || status/100 == 4 && refusesOnly(code) && found.speaksOfTooEarly() {
		return NotProcessed, code
	}
	if status == http.StatusUnauthorized && doc.isObject() && found.known() == "" && slices.Contains(found.named, codeUnauthorized) {
		return ClientRefused, codeUnauthorized
	}
	if code := found.known(); code != "" && (status < 300 || status == http.StatusBadRequest || !slices.Contains(slackCodes, code)) {
		if knownCodes[code] == ClientRefused && status >= 500 && r.spends() {
			return OutcomeUnknown, code // it may come from the midst of the server's work
		}
		return knownCodes[code], code
	}
	switch {
	case status == http.StatusServiceUnavailable && comeBack && !doc.isPage():
		return NotProcessed, ""
	case status == http.StatusConflict || status == http.StatusRequestTimeout:
		return OutcomeUnknown, ""
	case status >= 400 && status < 500:
		return NotProcessed, "" // a firewall's page, a lost VPN, a wrong path: not the grant's fault
	case status < 300 && doc.whole && doc.saysError(false):
		return NotProcessed, "" // Zoho: 200 with "Access Denied" when called too often
	}
	return OutcomeUnknown, ""
}

package client

import "net/http"

// knownCodes are the error codes that mean something wherever they occur, with what they mean.
// Unregistered ones name the provider whose documentation has them.
var knownCodes = map[string]Class{
	"invalid_grant":         GrantRefused, // RFC 6749
	"bad_refresh_token":     GrantRefused, // GitHub (with status 200), HubSpot (as status)
	"invalid_refresh_token": GrantRefused, // Slack
	"token_revoked":         GrantRefused, // Slack
	"token_expired":         GrantRefused, // Slack

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

// failure classifies an answer that is no success.
func (a *answer) failure(r *Request, doc document) *Error {
	found := findErrors(doc.root)
	class, code := classify(a.status, found, doc, r.Provider.PermanentErrors)
	secrets := []string{r.ClientSecret.Reveal(), r.RefreshToken.Reveal()}
	return &Error{
		Class: class, Code: code, Status: a.status,
		Reason:     reason(class, code, a.status),
		RequestID:  requestID(a.header, secrets...),
		RetryAfter: retryAfter(a.header),
	}
}

// classify goes by the error code first and by the status second: invalid_grant comes with 400
// (RFC 6749), 401 (Laravel Passport), 403 (Auth0), 500 (CyberSource) and 200 (GitHub's kind).
// Two statuses come before any code: 429, since rate limiters in front of a server have their own
// ideas of codes, and 3xx, since a redirect comes from no token endpoint.
func classify(status int, found errorsFound, doc document, permanent []string) (Class, string) {
	switch {
	case status >= 300 && status < 400:
		return ClientRefused, ""
	case status == http.StatusTooManyRequests:
		return NotProcessed, found.known()
	}
	if code, ok := found.permanent(permanent); ok {
		return GrantRefused, code
	}
	if code := found.known(); code != "" {
		return knownCodes[code], code
	}
	switch {
	case status == http.StatusServiceUnavailable:
		return NotProcessed, ""
	case status >= 400 && status < 500:
		return NotProcessed, "" // a firewall's page, a lost VPN, a wrong path: not the grant's fault
	case status < 300 && doc.whole && doc.saysError():
		return NotProcessed, "" // Zoho: 200 with "Access Denied" when called too often
	}
	return OutcomeUnknown, ""
}

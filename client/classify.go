package client

import (
	"net/http"
	"slices"
	"strings"
)

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

// errorsFound is what an error answer says of itself, wherever it says it.
type errorsFound struct {
	codes []string // in lower case, in order of occurrence
	texts []string // descriptions, in lower case
}

// known returns the first code of the list. invalid_request gives way to any other: it is what
// servers put next to a more telling code of their own.
func (f errorsFound) known() string {
	vague := ""
	for _, code := range f.codes {
		if code == "invalid_request" {
			vague = code
		} else if _, ok := knownCodes[code]; ok {
			return code
		}
	}
	return vague
}

// permanent tells whether an entry of permanent_errors fits, and which code that is: the entry's
// own, or for "*" the known one.
func (f errorsFound) permanent(entries []string) (code string, ok bool) {
	for _, entry := range entries {
		e := parsePermanentError(strings.ToLower(entry))
		contains := func(text string) bool { return strings.Contains(text, e.text) }
		if e.text != "" && !slices.ContainsFunc(f.texts, contains) {
			continue
		}
		if e.code == "*" && e.text != "" {
			return f.known(), true
		}
		if slices.Contains(f.codes, e.code) {
			return e.code, true
		}
	}
	return "", false
}

// The members that hold codes, descriptions, and further objects with both: RFC 6749; JSON:API
// (Ibanity); Meta (error.code); Fitbit (errors[].errorType); HubSpot (status); Zoom (reason);
// Apigee (fault.detail.errorcode); Laravel (hint, message).
var (
	codeMembers = []string{
		"error", "code", "error_code", "errorCode", "errorcode", "errorType", "error_type", "type", "status", "reason", "message",
	}
	textMembers = []string{
		"error_description", "message", "hint", "error_hint", "description", "detail", "error_message", "title", "reason",
	}
	nestedMembers = []string{"error", "errors", "fault", "detail"}
)

// What is looked at in an error answer is bounded: the errors of a list, how deep they are nested,
// and the bytes of each code and description.
const (
	maxErrors     = 16
	maxErrorDepth = 3
	maxErrorText  = 1024
)

func findErrors(root any) errorsFound {
	var f errorsFound
	f.gather(root, 0)
	return f
}

func (f *errorsFound) gather(value any, depth int) {
	if depth > maxErrorDepth {
		return
	}
	switch v := value.(type) {
	case []any:
		for _, element := range v[:min(len(v), maxErrors)] {
			f.codes = appendText(f.codes, element)
			f.gather(element, depth+1)
		}
	case map[string]any:
		for _, name := range codeMembers {
			f.codes = appendText(f.codes, v[name])
		}
		for _, name := range textMembers {
			f.texts = appendText(f.texts, v[name])
		}
		for _, name := range nestedMembers {
			f.gather(v[name], depth+1)
		}
	}
}

// appendText adds a string or number, cut to maxErrorText and in lower case.
func appendText(list []string, value any) []string {
	text := scalar(value)
	if text == "" {
		return list
	}
	return append(list, strings.ToLower(text[:min(len(text), maxErrorText)]))
}

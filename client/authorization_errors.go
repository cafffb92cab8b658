package client

// authorizationErrors are the sentences for what an authorization server answers instead of a code: RFC 6749 section
// 4.1.2.1, OpenID Connect Core section 3.1.2.6, RFC 8628 section 3.5, RFC 8707 section 2.
var authorizationErrors = map[string]string{
	"access_denied":             "access was denied: somebody chose not to agree, or the provider does not allow it to this account: begin again when that has changed",
	"invalid_request":           "the provider found the request malformed: check redirect_uri, pkce, response_mode and authorization_params",
	"unauthorized_client":       "the provider does not allow this application to ask for an authorization code: check the application's settings there",
	"unsupported_response_type": "the provider does not give out authorization codes at this address: check authorization_endpoint",
	"invalid_scope":             "the provider refused the scope: check scope, offline_scope and scope_separator, and what the application may ask for",
	"server_error":              "the provider failed while it handled the request: begin again, and later if that does not help",
	"temporarily_unavailable":   "the provider is overloaded or under maintenance: begin again later",

	"interaction_required":       "the provider needs to show a page and was asked not to: take prompt=none out of authorization_params and begin again",
	"login_required":             "the provider needs somebody to sign in and was asked not to show a page: take prompt=none out of authorization_params and begin again",
	"account_selection_required": "the provider needs somebody to choose an account: take prompt=none out of authorization_params and begin again",
	"consent_required":           "the provider needs somebody to agree and was asked not to show a page: take prompt=none out of authorization_params and begin again",
	"invalid_request_uri":        "the provider does not know the pushed request, or no longer: it is good for a short time and once: begin again",
	"invalid_request_object":     "the provider refused a request object, and none was sent: check authorization_params",
	"request_not_supported":      "the provider takes no request object, and none was sent: check authorization_params",
	"request_uri_not_supported":  "the provider takes no pushed requests: take pushed_authorization_request_endpoint out of the provider's definition",
	"registration_not_supported": "the provider takes no registration parameter: take it out of authorization_params",
	"invalid_target":             "the provider refused the resource or audience: check authorization_params",

	"expired_token":         "nobody agreed in time: begin again",
	"authorization_pending": "nobody has agreed yet",
	"slow_down":             "nobody has agreed yet, and the provider wants to be asked less often",
}

// otherAuthorizationError is the sentence for a code that nobody has registered.
const otherAuthorizationError = "the provider did not give its consent and says so in a word of its own: look into its log or documents, check the role's scope and authorization_params, and begin again"

// AuthorizationError returns what an error code of an authorization response means and what to do about it, in a
// sentence of our own, and whether the code is a registered one. Nothing of the code is in the sentence: whoever can
// make a browser open an address has written it.
func AuthorizationError(code string) (sentence string, known bool) {
	if sentence, known = authorizationErrors[code]; known {
		return sentence, true
	}
	return otherAuthorizationError, false
}

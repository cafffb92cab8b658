package client

import (
	"net/http"
	"slices"
)

// proof lists what to look at when the client is refused, by how it authenticates.
func (r *Request) proof() string {
	switch r.authMethod() {
	case AuthTLS:
		return "client_id, and that the client certificate is the one that is registered: its subject and its issuer"
	case AuthSelfSignedTLS:
		return "client_id, and that this very client certificate is the one that is registered"
	case AuthKeyJWT:
		return "client_id, that the key that signs (assertion_private_key, or the certificate's) is the registered one, " +
			"assertion_key_id, assertion_audience and token_endpoint_auth_signing_alg"
	case AuthSecretJWT:
		return "client_id, client_secret, assertion_audience and token_endpoint_auth_signing_alg"
	case AuthNone:
		if r.GrantType == GrantJWTBearer {
			return "client_id, subject, assertion_audience, assertion_key_id and that the key is the registered one"
		}
		return "client_id, and whether the provider wants proof of this client: then write token_endpoint_auth_method and what it takes"
	}
	return "client_id, client_secret and token_endpoint_auth_method"
}

// Refused is the sentence for a client that the token endpoint has refused, by how it authenticates.
func (r *Request) Refused() string { return atTokenEndpoint.says(r.refused()) }

func (r *Request) refused() string {
	return "the {endpoint} refused the client: check " + r.proof()
}

// notAsked is said where the certificate is the authentication and nobody has asked for it.
const notAsked = "the {endpoint} does not ask for the client certificate, which is what proves this client: " +
	"write the URL that the provider has for mutual TLS into mtls_endpoint_aliases, under {field} (RFC 8705 section 5)"

// NotAsked is the sentence for a certificate that the token endpoint has not asked for and that is the client's
// authentication, "" where it is not.
func (r *Request) NotAsked() string { return atTokenEndpoint.says(r.notAsked()) }

func (r *Request) notAsked() string {
	if method := r.authMethod(); method == AuthTLS || method == AuthSelfSignedTLS {
		return notAsked
	}
	return ""
}

// reason is the sentence for an answer: by how the client authenticates where that is what it is about.
func (a *answer) reason(e *Error, r *Request) string {
	ofProof := slices.Contains(proofCodes, e.Code) || slices.Contains(unauthorizedCodes, e.Code) && a.status == http.StatusUnauthorized ||
		e.Code == "access_denied" || e.Silent || e.Code == "" && slices.Contains(certificateStatuses, a.status)
	if sentence := r.notAsked(); sentence != "" && !a.asked && ofProof && e.Class != GrantRefused && e.Class != OutcomeUnknown {
		return sentence
	}
	if sentence := r.codeReason(e); sentence != "" {
		return sentence
	}
	switch {
	case e.Silent:
		return r.silentReason(a.status)
	case e.Ambiguous:
		return "the {endpoint} refused the client or, in words that some servers have for a used or expired one too, the " + r.presented() + ": check " +
			r.proof() + "; if that is in order, authorize again"
	case e.Class == ClientRefused && (slices.Contains(proofCodes, e.Code) && e.Code != "bad_client_secret" || e.Unauthenticated && !slices.Contains(proofCodes, e.Code)):
		return r.refused()
	case e.Class == ClientRefused && e.Code == "access_denied":
		return "the {endpoint} denied access: check " + r.proof() + ", and the application's settings at the provider"
	case e.Class == NotProcessed && e.Code == "" && a.status == http.StatusUnauthorized:
		return "the request was refused as unauthorized, without an OAuth error code: check {field} and " + r.proof() +
			", and whether something stands between here and the provider"
	}
	return reason(e.Class, e.Code, a.status)
}

// silentReason is the sentence for a refusal of the token endpoint's own without a code: see Error.Silent.
func (r *Request) silentReason(status int) string {
	check := "check " + r.proof()
	if r.Identity != nil && r.notAsked() == "" {
		check += ", the client certificate"
	}
	if status == http.StatusForbidden {
		check += ", the provider's IP allow list"
	}
	if r.spends() {
		check += " and whether the " + r.presented() + " is still good"
	}
	return "the {endpoint} refused the request without an error code, so it may be the client that it refuses or what was asked with: " + check
}

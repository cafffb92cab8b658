package dialect

import (
	"encoding/json"
	"mime"
	"net/http"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
)

const (
	isabelHost = "api.ibanity.com"
	jsonAPI    = "application/vnd.api+json"
)

// isabelKey is the header of Ibanity's idempotency keys.
const isabelKey = "Ibanity-Idempotency-Key"

// isabel is Isabel Connect at Ibanity. Two versions live behind one URL and are told apart by how the client
// authenticates: v2 by Basic (raw, as its SDKs send it), v1 by a secret in the body. The names and values
// are those that Ibanity's own sandbox wants, literally.
func isabel() *oauth.Provider {
	p := isabelBase("isabel-connect", "client_secret_basic")
	p.Policy.Rotate, p.Policy.RefreshTTL, p.Policy.Scope = true, 1800*time.Second, "AI PI offline_access"
	// A second application whose secret shows whether Basic is sent raw.
	p.Apps = append(p.Apps, oauth.App{
		ID: "raw_client_id", Secret: "raw+secret/100%", Method: "client_secret_basic", RefreshToken: "raw_refresh_token",
	})
	return p
}

func isabelV1() *oauth.Provider {
	p := isabelBase("isabel-connect-v1", "client_secret_post")
	p.Policy.Scope = "cloudconnect"
	p.Claims = func(h http.Header, issued func(string) bool) bool {
		token, ok := oauth.BearerToken(h)
		return ok && issued(token) || h.Get("Authorization") == ""
	}
	return p
}

func isabelBase(name, method string) *oauth.Provider {
	return &oauth.Provider{
		Name:  name,
		Hosts: []string{isabelHost},
		Path:  "isabel-connect",
		Apps: []oauth.App{{
			ID: "valid_client_id", Secret: "valid_client_secret", Method: method, RefreshToken: "valid_refresh_token",
		}},
		Handshake: oauth.HandshakeVouched,
		Params:    []string{"grant_type", "client_id", "client_secret", "refresh_token"},
		Policy: oauth.Policy{
			AccessTTL:    1799 * time.Second,
			AccessToken:  func() string { return "access_token_" + randomText(24) },
			RefreshToken: func() string { return "refresh_token_" + randomText(24) },
		},
		Endpoint: oauth.Paths(map[string]string{
			"/isabel-connect/oauth2/token": oauth.EndpointToken, "/isabel-connect/oauth2/revoke": oauth.EndpointRevoke,
			"/isabel-connect/accounts": oauth.EndpointAPI,
		}),
		API:            isabelAccounts,
		Check:          isabelCheck,
		Authenticate:   isabelClient,
		Success:        isabelSuccess,
		Refused:        isabelRefusal,
		IdempotencyKey: isabelKey,
		Header:         func() http.Header { return http.Header{"Ibanity-Request-Id": {uuid()}} },
	}
}

// isabelCheck wants the client certificate (on the provider's own host the handshake has seen to it
// already), the JSON:API media type, and a UUID for idempotency key if there is one.
func isabelCheck(c *oauth.Call) *oauth.Refusal {
	if c.Req.TLS == nil || len(c.Req.TLS.VerifiedChains) == 0 {
		return oauth.Refuse(oauth.BadCertificate, "no client certificate")
	}
	accept, _, err := mime.ParseMediaType(c.Req.Header.Get("Accept"))
	if err != nil || accept != jsonAPI {
		return oauth.Refuse(oauth.BadHeader, "Accept: "+jsonAPI+" is missing")
	}
	if keys := c.Req.Header.Values(isabelKey); len(keys) > 1 || len(keys) == 1 && !isUUID(keys[0]) {
		return oauth.Refuse(oauth.BadHeader, isabelKey+" is not one UUID")
	}
	return nil
}

// isabelClient lets the client id stand in the body next to Basic, since two of the four SDKs do that.
func isabelClient(c *oauth.Call) (*oauth.App, *oauth.Refusal) {
	creds, r := c.Credentials(oauth.RawEncoding)
	if r != nil {
		return nil, r
	}
	if creds.BodyID != "" && creds.BodyID != creds.ID {
		return nil, oauth.Refuse("invalid_request", "two client ids, one in the header, another in the body")
	}
	return c.Find(creds)
}

func isabelSuccess(c *oauth.Call, i *oauth.Issued) map[string]any {
	body := map[string]any{
		"token_type": "Bearer", "scope": c.Policy.Scope, "expires_in": i.ExpiresIn, "access_token": i.AccessToken,
	}
	if i.RefreshToken != "" {
		body["refresh_token"], body["refresh_expires_in"] = i.RefreshToken, i.RefreshExpiresIn
	}
	return body
}

// isabelRefusal has two shapes: JSON:API for what the gateway refuses, OAuth for what the grant is refused for.
func isabelRefusal(c *oauth.Call, r *oauth.Refusal) oauth.Reply {
	switch r.Code {
	case oauth.BadMethod, oauth.BadContentType, oauth.BadHeader, oauth.BadCertificate, oauth.BadToken:
		header := http.Header{"Content-Type": {jsonAPI}}
		if r.Code == oauth.BadToken {
			header.Set("WWW-Authenticate", `Bearer error="invalid_token"`) // RFC 6750 section 3
		}
		status := r.Status()
		if r.Code == oauth.BadCertificate || r.Code == oauth.BadToken {
			status = http.StatusUnauthorized
		}
		resource := "token"
		if c.Endpoint == oauth.EndpointAPI {
			resource = "account"
		}
		return oauth.Reply{
			Status: status, Header: header,
			Body: oauth.Encode(map[string]any{"errors": []any{map[string]any{
				"code": r.Code, "detail": r.Why, "meta": map[string]any{"resource": resource},
			}}}),
		}
	}
	return oauth.Reply{Status: r.Status(), Body: oauth.Encode(map[string]any{
		"error": r.Code, "error_description": r.Why, "error_hint": "See the documentation of the token endpoint.",
	})}
}

// isabelAccounts is the one resource of Isabel Connect's API that is there: GET /isabel-connect/accounts, as
// Ibanity documents it.
func isabelAccounts() oauth.Reply {
	body, _ := json.MarshalIndent(map[string]any{
		"data": []any{map[string]any{
			"type": "account",
			"id":   "93ecb1fdbfb7848e7b7896c0f2d207aed3d8b4c1",
			"attributes": map[string]any{
				"country": "BE", "currency": "EUR", "description": "current account", "holderName": "Sandbox NV",
				"reference": "BE68539007547034", "referenceType": "IBAN",
			},
		}},
		"meta": map[string]any{"paging": map[string]any{"offset": 0, "total": 1}},
	}, "", "  ") // plain values
	return oauth.Reply{Status: http.StatusOK, Header: http.Header{"Content-Type": {jsonAPI}}, Body: body}
}

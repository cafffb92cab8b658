package main

import (
	"encoding/json"
	"mime"
	"net/http"
	"time"
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
func isabel() *provider {
	p := isabelBase("isabel-connect", "client_secret_basic")
	p.policy.rotate, p.policy.refreshTTL, p.policy.scope = true, 1800*time.Second, "AI PI offline_access"
	// A second application whose secret shows whether Basic is sent raw.
	p.apps = append(p.apps, app{
		id: "raw_client_id", secret: "raw+secret/100%", method: "client_secret_basic", refreshToken: "raw_refresh_token",
	})
	return p
}

func isabelV1() *provider {
	p := isabelBase("isabel-connect-v1", "client_secret_post")
	p.policy.scope = "cloudconnect"
	p.claims = func(h http.Header, issued func(string) bool) bool {
		token, ok := bearer(h)
		return ok && issued(token) || h.Get("Authorization") == ""
	}
	return p
}

func isabelBase(name, method string) *provider {
	return &provider{
		name:  name,
		hosts: []string{isabelHost},
		path:  "isabel-connect",
		apps: []app{{
			id: "valid_client_id", secret: "valid_client_secret", method: method, refreshToken: "valid_refresh_token",
		}},
		handshake: handshakeVouched,
		params:    []string{"grant_type", "client_id", "client_secret", "refresh_token"},
		policy: policy{
			accessTTL:    1799 * time.Second,
			accessToken:  func() string { return "access_token_" + randomText(24) },
			refreshToken: func() string { return "refresh_token_" + randomText(24) },
		},
		endpoint:       isabelEndpoint,
		api:            isabelAccounts,
		check:          isabelCheck,
		authenticate:   isabelClient,
		success:        isabelSuccess,
		refused:        isabelRefusal,
		idempotencyKey: isabelKey,
		header:         func() http.Header { return http.Header{"Ibanity-Request-Id": {uuid()}} },
	}
}

func isabelEndpoint(host, path string) string {
	if path == "/isabel-connect/accounts" {
		return endpointAPI
	}
	return paths("/isabel-connect/oauth2/token", "/isabel-connect/oauth2/revoke", "")(host, path)
}

// isabelCheck wants the client certificate (on the provider's own host the handshake has seen to it
// already), the JSON:API media type, and a UUID for idempotency key if there is one.
func isabelCheck(c *call) *refusal {
	if c.req.TLS == nil || len(c.req.TLS.VerifiedChains) == 0 {
		return refuse(badCertificate, "no client certificate")
	}
	accept, _, err := mime.ParseMediaType(c.req.Header.Get("Accept"))
	if err != nil || accept != jsonAPI {
		return refuse(badHeader, "Accept: "+jsonAPI+" is missing")
	}
	if keys := c.req.Header.Values(isabelKey); len(keys) > 1 || len(keys) == 1 && !isUUID(keys[0]) {
		return refuse(badHeader, isabelKey+" is not one UUID")
	}
	return nil
}

// isabelClient lets the client id stand in the body next to Basic, since two of the four SDKs do that.
func isabelClient(c *call) (*app, *refusal) {
	creds, r := c.credentials(rawEncoding)
	if r != nil {
		return nil, r
	}
	if creds.bodyID != "" && creds.bodyID != creds.id {
		return nil, refuse("invalid_request", "two client ids, one in the header, another in the body")
	}
	return c.find(creds)
}

func isabelSuccess(c *call, i *issued) map[string]any {
	body := map[string]any{
		"token_type": "Bearer", "scope": c.policy.scope, "expires_in": i.expiresIn, "access_token": i.accessToken,
	}
	if i.refreshToken != "" {
		body["refresh_token"], body["refresh_expires_in"] = i.refreshToken, i.refreshExpiresIn
	}
	return body
}

// isabelRefusal has two shapes: JSON:API for what the gateway refuses, OAuth for what the grant is refused for.
func isabelRefusal(c *call, r *refusal) reply {
	switch r.code {
	case badMethod, badContentType, badHeader, badCertificate, badToken:
		header := http.Header{"Content-Type": {jsonAPI}}
		if r.code == badToken {
			header.Set("WWW-Authenticate", `Bearer error="invalid_token"`) // RFC 6750 section 3
		}
		status := r.status()
		if r.code == badCertificate || r.code == badToken {
			status = http.StatusUnauthorized
		}
		resource := "token"
		if c.endpoint == endpointAPI {
			resource = "account"
		}
		return reply{
			status: status, header: header,
			body: encode(map[string]any{"errors": []any{map[string]any{
				"code": r.code, "detail": r.why, "meta": map[string]any{"resource": resource},
			}}}),
		}
	}
	return reply{status: r.status(), body: encode(map[string]any{
		"error": r.code, "error_description": r.why, "error_hint": "See the documentation of the token endpoint.",
	})}
}

// isabelAccounts is the one resource of Isabel Connect's API that is there: GET /isabel-connect/accounts, as
// Ibanity documents it.
func isabelAccounts() reply {
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
	return reply{status: http.StatusOK, header: http.Header{"Content-Type": {jsonAPI}}, body: body}
}

package main

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// salesforceDomain is the My Domain of the one org there is.
const salesforceDomain = "acme.my.salesforce.com"

// salesforce is login.salesforce.com and the org's own domains: no expires_in, a time in milliseconds, in
// a string, gzip in chunks. Rotation is off, as in older connected apps; POST /control turns it on.
func salesforce() *provider {
	return &provider{
		name:  "salesforce",
		hosts: []string{"login.salesforce.com", "test.salesforce.com", "*.my.salesforce.com", "*.my.site.com"},
		apps: []app{{
			id: "3MVG9sandbox.consumer_key", secret: "salesforce-sandbox-secret",
			method: "client_secret_post", refreshToken: "5Aep861.salesforce_sandbox_refresh_token==",
		}},
		params:            []string{"grant_type", "client_id", "client_secret", "refresh_token", "format"},
		clientCredentials: true,
		policy: policy{
			accessTTL: 2 * time.Hour, replayKills: true, scope: "refresh_token openid api",
			accessToken:  func() string { return "00D5g000004Sandbox!AQ4AQ" + randomText(64) },
			refreshToken: func() string { return "5Aep861" + randomText(48) + "==" },
		},
		endpoint:     salesforceEndpoint,
		check:        func(*call) *refusal { return nil },
		authenticate: salesforceClient,
		extra:        salesforceExtra,
		success:      salesforceSuccess,
		refused:      salesforceRefusal,
		gzip:         true,
		header: func() http.Header {
			return http.Header{
				"Strict-Transport-Security": {"max-age=63072000; includeSubDomains"},
				"Cache-Control":             {"no-cache,must-revalidate,max-age=0,no-store,private"},
				"Content-Type":              {"application/json;charset=UTF-8"},
				"Vary":                      {"Accept-Encoding"},
			}
		},
	}
}

// salesforceEndpoint allows a site's path in front: /partners/services/oauth2/token.
func salesforceEndpoint(host, path string) string {
	site, rest, ok := strings.Cut(path, "/services/oauth2/")
	if !ok || site != "" && (!strings.HasPrefix(site, "/") || strings.Contains(site, "//")) {
		return ""
	}
	return paths("token", "revoke", "introspect")(host, rest)
}

// salesforceClient takes the secret in the body or as Basic; revocation asks for no client at all.
func salesforceClient(c *call) (*app, *refusal) {
	if c.endpoint == endpointRevoke {
		return &c.apps[0], nil
	}
	creds, r := c.credentials(rawEncoding)
	if r != nil {
		return nil, r
	}
	if creds.method == "client_secret_basic" {
		creds.method = "client_secret_post"
	}
	return c.find(creds)
}

func salesforceExtra(c *call) *refusal {
	if f := c.form.Get("format"); f != "" && f != "json" {
		return refuse("invalid_request", "only format=json is offered here")
	}
	shared := c.host == "login.salesforce.com" || c.host == "test.salesforce.com"
	if c.form.Get("grant_type") == "client_credentials" && shared {
		return refuse("invalid_grant", "request not supported on this domain")
	}
	return nil
}

func salesforceSuccess(c *call, i *issued) map[string]any {
	body := map[string]any{
		"access_token": i.accessToken,
		"signature":    randomText(32),
		"scope":        "refresh_token openid api",
		"id_token":     jwtShaped(200),
		"instance_url": "https://" + salesforceDomain,
		"id":           "https://login.salesforce.com/id/00D5g000004SandboxEAA/0055g00000SandboxAAA",
		"token_type":   "Bearer",
		"issued_at":    strconv.FormatInt(i.now.UnixMilli(), 10),
	}
	if c.form.Get("grant_type") == "client_credentials" {
		body["scope"] = "api"
		delete(body, "id_token")
	}
	if i.refreshToken != "" {
		body["refresh_token"] = i.refreshToken
	}
	return body
}

// salesforceRefusal always says 400; its descriptions are short and in lower case.
func salesforceRefusal(_ *call, r *refusal) reply {
	code, text := r.oauthCode(), r.why
	switch r.code {
	case "invalid_grant":
		if !strings.HasPrefix(r.why, "request not supported") {
			text = "expired access/refresh token"
		}
	case "invalid_client":
		text = "invalid client credentials"
		if r.why == "unknown client_id" {
			code, text = "invalid_client_id", "client identifier invalid"
		}
	case "unsupported_grant_type":
		text = "grant type not supported"
	}
	status := http.StatusBadRequest
	if r.code == badMethod {
		status = r.status()
	}
	return reply{status: status, body: encode(map[string]any{"error": code, "error_description": text})}
}

package dialect

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox/oauth"
)

// SalesforceDomain is the My Domain of the one org there is.
const SalesforceDomain = "acme.my.salesforce.com"

// salesforce is login.salesforce.com and the org's own domains: no expires_in, a time in milliseconds, in
// a string, gzip in chunks. Rotation is off, as in older connected apps; POST /control turns it on.
func salesforce() *oauth.Provider {
	return &oauth.Provider{
		Name:  "salesforce",
		Hosts: []string{"login.salesforce.com", "test.salesforce.com", "*.my.salesforce.com", "*.my.site.com"},
		Apps: []oauth.App{{
			ID: "3MVG9sandbox.consumer_key", Secret: "salesforce-sandbox-secret",
			Method: "client_secret_post", RefreshToken: "5Aep861.salesforce_sandbox_refresh_token==",
			RedirectURIs: loopbackRedirects("salesforce"),
		}},
		Params:            []string{"grant_type", "client_id", "client_secret", "refresh_token", "format", "code", "redirect_uri", "code_verifier"},
		ClientCredentials: true,
		Policy: oauth.Policy{
			AccessTTL: 2 * time.Hour, ReplayKills: true, Scope: "refresh_token openid api",
			AccessToken:  func() string { return "00D5g000004Sandbox!AQ4AQ" + randomText(64) },
			RefreshToken: func() string { return "5Aep861" + randomText(48) + "==" },
		},
		Authorization: &oauth.Authorization{
			Params: []string{
				"response_type", "client_id", "redirect_uri", "scope", "state", "prompt", "display", "login_hint", "nonce",
				"code_challenge", "code_challenge_method",
			},
			Scopes:  []string{"api", "refresh_token", "offline_access", "openid", "id", "profile", "email", "web", "full"},
			Offline: []string{"refresh_token", "offline_access"},
			Issuer:  salesforceIssuer,
			Code:    func() string { return "aPrx" + randomText(48) + "==" }, // has to be encoded in a URL, once
		},
		Endpoint:     salesforceEndpoint,
		Check:        func(*oauth.Call) *oauth.Refusal { return nil },
		Authenticate: salesforceClient,
		Extra:        salesforceExtra,
		Success:      salesforceSuccess,
		Refused:      salesforceRefusal,
		Gzip:         true,
		Header: func() http.Header {
			return http.Header{
				"Strict-Transport-Security": {"max-age=63072000; includeSubDomains"},
				"Cache-Control":             {"no-cache,must-revalidate,max-age=0,no-store,private"},
				"Content-Type":              {"application/json;charset=UTF-8"},
				"Vary":                      {"Accept-Encoding"},
			}
		},
	}
}

var salesforcePaths = oauth.Paths(map[string]string{
	"token": oauth.EndpointToken, "revoke": oauth.EndpointRevoke, "introspect": oauth.EndpointIntrospect,
	"authorize": oauth.EndpointAuthorize,
})

// salesforceEndpoint allows a site's path in front: /partners/services/oauth2/token.
func salesforceEndpoint(host, path string) string {
	if path == "/id/keys" {
		return oauth.EndpointKeys
	}
	site, rest, ok := strings.Cut(path, "/services/oauth2/")
	if !ok || site != "" && (!strings.HasPrefix(site, "/") || strings.Contains(site, "//")) {
		return ""
	}
	return salesforcePaths(host, rest)
}

// salesforceIssuer is the host that is asked, with its site.
func salesforceIssuer(c *oauth.Call) string {
	site, _, _ := strings.Cut(c.Req.URL.Path, "/services/oauth2/")
	return "https://" + c.Req.Host + site
}

// salesforceClient takes the secret in the body or as Basic; revocation asks for no client at all.
func salesforceClient(c *oauth.Call) (*oauth.App, *oauth.Refusal) {
	if c.Endpoint == oauth.EndpointRevoke {
		return &c.Apps[0], nil
	}
	creds, r := c.Credentials(oauth.RawEncoding)
	if r != nil {
		return nil, r
	}
	if creds.Method == "client_secret_basic" {
		creds.Method = "client_secret_post"
	}
	return c.Find(creds)
}

func salesforceExtra(c *oauth.Call) *oauth.Refusal {
	if f := c.Form.Get("format"); f != "" && f != "json" {
		return oauth.Refuse("invalid_request", "only format=json is offered here")
	}
	shared := c.Host == "login.salesforce.com" || c.Host == "test.salesforce.com"
	if c.Form.Get("grant_type") == "client_credentials" && shared {
		return oauth.Refuse("invalid_grant", "request not supported on this domain")
	}
	return nil
}

func salesforceSuccess(c *oauth.Call, i *oauth.Issued) map[string]any {
	body := map[string]any{
		"access_token": i.AccessToken,
		"signature":    randomText(32),
		"scope":        "refresh_token openid api",
		"id_token":     jwtShaped(200),
		"instance_url": "https://" + SalesforceDomain,
		"id":           "https://login.salesforce.com/id/00D5g000004SandboxEAA/0055g00000SandboxAAA",
		"token_type":   "Bearer",
		"issued_at":    strconv.FormatInt(i.Now.UnixMilli(), 10),
	}
	if i.User != nil {
		salesforcePerson(body, i)
	}
	if c.Form.Get("grant_type") == "client_credentials" {
		body["scope"] = "api"
		delete(body, "id_token")
	}
	if i.RefreshToken != "" {
		body["refresh_token"] = i.RefreshToken
	}
	return body
}

// salesforcePerson is what differs once a person has agreed: who it was, and to what.
func salesforcePerson(body map[string]any, i *oauth.Issued) {
	name, _, _ := strings.Cut(i.User.Name, "@")
	body["id"] = fmt.Sprintf("https://login.salesforce.com/id/00D5g000004SandboxEAA/0055g00000%.8s", name+"AAAAAAAA")
	body["scope"] = i.Scope
	if delete(body, "id_token"); i.IDToken != "" {
		body["id_token"] = i.IDToken
	}
}

// salesforceRefusal always says 400; its descriptions are short and in lower case.
func salesforceRefusal(c *oauth.Call, r *oauth.Refusal) oauth.Reply {
	code, text := r.OAuthCode(), r.Why
	switch r.Code {
	case "invalid_grant":
		if !strings.HasPrefix(r.Why, "request not supported") {
			text = "expired access/refresh token"
			if c.Form.Get("grant_type") == oauth.GrantCode {
				text = "invalid or expired authorization code"
			}
		}
	case "invalid_client":
		text = "invalid client credentials"
		if r.Why == "unknown client_id" {
			code, text = "invalid_client_id", "client identifier invalid"
		}
	case "unsupported_grant_type":
		text = "grant type not supported"
	}
	status := http.StatusBadRequest
	if r.Code == oauth.BadMethod {
		status = r.Status()
	}
	return oauth.Reply{Status: status, Body: oauth.Encode(map[string]any{"error": code, "error_description": text})}
}

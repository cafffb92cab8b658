package client

// Provider says how one token endpoint wants to be spoken to. It is data and holds no secret.
type Provider struct {
	TokenEndpoint                 string            `json:"token_endpoint"`
	RevocationEndpoint            string            `json:"revocation_endpoint,omitempty"`
	IntrospectionEndpoint         string            `json:"introspection_endpoint,omitempty"`
	ParamPatterns                 map[string]string `json:"param_patterns,omitempty"`
	ParamDefaults                 map[string]string `json:"param_defaults,omitempty"`
	TokenEndpointAuthMethod       string            `json:"token_endpoint_auth_method"`
	BasicEncoding                 string            `json:"basic_encoding,omitempty"`
	RequestFormat                 string            `json:"request_format,omitempty"`
	TokenParams                   map[string]string `json:"token_params,omitempty"`
	TokenHeaders                  map[string]string `json:"token_headers,omitempty"`
	IdempotencyHeader             string            `json:"idempotency_header,omitempty"`
	SendScope                     bool              `json:"send_scope"`
	RequiresCertificate           bool              `json:"requires_certificate,omitempty"`
	AccessTokenPointer            string            `json:"access_token_pointer,omitempty"`
	RefreshTokenPointer           string            `json:"refresh_token_pointer,omitempty"`
	ExpiresInPointer              string            `json:"expires_in_pointer,omitempty"`
	RefreshTokenExpiresInPointer  string            `json:"refresh_token_expires_in_pointer,omitempty"`
	ExtraFields                   []string          `json:"extra_fields,omitempty"`
	AssumedTokenTTL               Duration          `json:"assumed_token_ttl,omitempty"`
	RefreshWindow                 Duration          `json:"refresh_window,omitempty"`
	RefreshTokenRotation          string            `json:"refresh_token_rotation,omitempty"`
	ReuseGrace                    Duration          `json:"reuse_grace,omitempty"`
	RefreshInvalidatesAccessToken bool              `json:"refresh_invalidates_access_token,omitempty"`
	RefreshTokenIdleTTL           Duration          `json:"refresh_token_idle_ttl,omitempty"`
	PermanentErrors               []string          `json:"permanent_errors,omitempty"`
	Docs                          string            `json:"docs,omitempty"`
}

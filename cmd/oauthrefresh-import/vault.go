package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// vault is the Vault that the roles go to, as the environment names it.
type vault struct {
	addr, token, namespace, mount string
	http                          *http.Client
	limit                         *rate.Limiter
	pause                         func(context.Context, time.Duration) error
}

// answer is what came of one request. A status of 0 is no answer at all.
type answer struct {
	status     int
	says       string // Vault's own sentences, if it refuses
	warnings   []string
	data       json.RawMessage
	retryAfter time.Duration
}

// newVault reads the environment as the vault command does, as far as it matters here.
func newVault(mount string, perSecond float64, with surroundings) (*vault, error) {
	v := &vault{
		addr:      strings.TrimRight(cmp.Or(with.getenv("VAULT_ADDR"), "https://127.0.0.1:8200"), "/"),
		token:     with.getenv("VAULT_TOKEN"),
		namespace: with.getenv("VAULT_NAMESPACE"),
		mount:     strings.Trim(mount, "/"),
		limit:     rate.NewLimiter(rate.Inf, 1),
		pause:     with.pause,
	}
	if perSecond > 0 {
		v.limit.SetLimit(rate.Limit(perSecond))
	}
	if at, err := url.Parse(v.addr); err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" {
		return nil, errors.New("VAULT_ADDR is to be an address such as https://vault.example.com:8200")
	}
	if !(perSecond >= 0) { // nor is NaN
		return nil, errors.New("-rate is to be a number of requests a second, or 0 for as fast as Vault answers")
	}
	if v.mount == "" || strings.Contains(v.mount, "..") {
		return nil, errors.New("-mount is to be the path of a mount, such as oauth")
	}
	if v.token == "" {
		kept, err := os.ReadFile(filepath.Join(with.getenv("HOME"), ".vault-token"))
		if v.token = strings.TrimSpace(string(kept)); err != nil || v.token == "" {
			return nil, errors.New("there is no token: log in with the vault command, or set VAULT_TOKEN")
		}
	}
	config, err := tlsConfig(with.getenv)
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = config
	v.http = &http.Client{Transport: transport, Timeout: time.Minute, CheckRedirect: asItIs}
	return v, nil
}

// asItIs lets a standby send the request on to the active node, but no token and no secret into the open, and no write that
// a 301 or 302 makes a read: its 200 would count as the write's.
func asItIs(req *http.Request, via []*http.Request) error {
	if len(via) > 2 || via[0].URL.Scheme == "https" && req.URL.Scheme != "https" || req.Method != via[0].Method {
		return errors.New("the Vault redirects more than once, from https to http, or a write to a read: VAULT_ADDR is to be where it leads")
	}
	return nil
}

func tlsConfig(getenv func(string) string) (*tls.Config, error) {
	config := &tls.Config{ServerName: getenv("VAULT_TLS_SERVER_NAME")}
	config.InsecureSkipVerify, _ = strconv.ParseBool(getenv("VAULT_SKIP_VERIFY"))
	var files []string
	if name := getenv("VAULT_CACERT"); name != "" {
		files = append(files, name)
	} else if dir := getenv("VAULT_CAPATH"); dir != "" {
		files, _ = filepath.Glob(filepath.Join(dir, "*"))
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		if config.RootCAs == nil {
			config.RootCAs = x509.NewCertPool()
		}
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate (PEM)", name)
		}
	}
	if name := getenv("VAULT_CLIENT_CERT"); name != "" {
		own, err := tls.LoadX509KeyPair(name, getenv("VAULT_CLIENT_KEY"))
		if err != nil {
			return nil, fmt.Errorf("VAULT_CLIENT_CERT and VAULT_CLIENT_KEY: %w", err)
		}
		config.Certificates = []tls.Certificate{own}
	}
	return config, nil
}

// ask sends one request, once. The error tells that there was no answer; then nobody knows what became of it.
func (v *vault) ask(ctx context.Context, method, path string, body any) (answer, error) {
	payload, err := json.Marshal(body)
	if err != nil {
		return answer{}, err
	}
	if body == nil {
		payload = nil
	}
	if err := v.limit.Wait(ctx); err != nil {
		return answer{}, err
	}
	req, err := http.NewRequestWithContext(ctx, method, v.addr+"/v1/"+path, bytes.NewReader(payload))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("X-Vault-Token", v.token)
	req.Header.Set("X-Vault-Request", "true")
	if v.namespace != "" {
		req.Header.Set("X-Vault-Namespace", v.namespace)
	}
	resp, err := v.http.Do(req)
	if err != nil {
		return answer{}, fmt.Errorf("the Vault does not answer: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return answer{}, fmt.Errorf("the Vault's answer breaks off: %w", err)
	}
	return parse(resp, text), nil
}

// parse takes of an answer what counts. What is not Vault's JSON, a proxy's page for one, is not repeated.
func parse(resp *http.Response, text []byte) answer {
	var out struct {
		Errors   []string        `json:"errors"`
		Warnings []string        `json:"warnings"`
		Data     json.RawMessage `json:"data"`
		OpenAPI  json.RawMessage `json:"openapi"` // of a request for help
	}
	_ = json.Unmarshal(text, &out)
	a := answer{status: resp.StatusCode, says: strings.Join(out.Errors, "; "), warnings: out.Warnings, data: out.Data}
	if out.OpenAPI != nil {
		a.data = out.OpenAPI
	}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		a.retryAfter = min(time.Duration(seconds)*time.Second, time.Minute)
	}
	return a
}

// passes tells whether the same request may fare better in a moment: Vault is sealed, busy or away, or a node of it is
// behind the others (412).
func (a answer) passes() bool {
	return a.status == 0 || a.status == http.StatusTooManyRequests || a.status == http.StatusPreconditionFailed || a.status >= 500
}

// unknown tells whether a write may have been carried out, or may be yet. 412 and 429 come before it is begun.
func (a answer) unknown() bool { return a.status == 0 || a.status >= 500 }

func (a answer) String() string {
	return fmt.Sprintf("Vault answers %d: %s", a.status, cmp.Or(a.says, "no reason"))
}

// tries is how often something is asked before the import stops, over about a minute.
const tries = 8

// wait waits before the next try, longer each time or as long as Vault has asked for.
func (v *vault) wait(ctx context.Context, try int, a answer) error {
	return v.pause(ctx, max(a.retryAfter, min(500*time.Millisecond<<try, 15*time.Second)))
}

// get reads a path, up to so many times; found is false for 404.
func (v *vault) get(ctx context.Context, path string, times int) (a answer, found bool, err error) {
	for try := range times {
		if a, err = v.ask(ctx, http.MethodGet, path, nil); err == nil && !a.passes() || try == times-1 {
			break
		}
		if err := v.wait(ctx, try, a); err != nil {
			return a, false, err
		}
	}
	switch {
	case err != nil:
		return a, false, err
	case a.status == http.StatusOK:
		return a, true, nil
	case a.status == http.StatusNotFound && a.says == "":
		return a, false, nil
	}
	return a, false, fmt.Errorf("reading %s: %v", path, a)
}

// describe returns the fields of a role as the mount that runs knows them, and what tells this mount from any other. A
// mount of another engine is refused: it would take the secrets and keep them where readers see them. Nothing is begun yet,
// so it asks once: an address that is wrong shows at once.
func (v *vault) describe(ctx context.Context) (map[string]field, string, error) {
	var of struct {
		Accessor string `json:"accessor"`
	}
	a, _, err := v.get(ctx, "sys/internal/ui/mounts/"+v.mount, 1)
	if err != nil {
		return nil, "", fmt.Errorf("is %s mounted, and may this token create and read %s/roles/*? %w", v.mount, v.mount, err)
	}
	if err := json.Unmarshal(a.data, &of); err != nil || of.Accessor == "" {
		return nil, "", errors.New("the Vault does not say which mount this is")
	}
	if a, _, err = v.get(ctx, v.mount+"/roles/any?help=1", 1); err != nil {
		return nil, "", err
	}
	var help struct {
		Paths map[string]struct {
			Post struct {
				RequestBody struct {
					Content map[string]struct {
						Schema struct {
							Properties map[string]field `json:"properties"`
						} `json:"schema"`
					} `json:"content"`
				} `json:"requestBody"`
			} `json:"post"`
		} `json:"paths"`
	}
	_ = json.Unmarshal(a.data, &help)
	for _, path := range help.Paths {
		for _, content := range path.Post.RequestBody.Content {
			if _, ok := content.Schema.Properties["refresh_token"]; ok {
				return content.Schema.Properties, of.Accessor, nil
			}
		}
	}
	return nil, "", fmt.Errorf("%s is no mount of this engine: its roles have no refresh_token", v.mount)
}

// role returns what a read shows of a role, nil if there is none.
func (v *vault) role(ctx context.Context, name string) (map[string]any, error) {
	a, found, err := v.get(ctx, v.rolePath(name), tries)
	if err != nil || !found {
		return nil, err
	}
	shown := map[string]any{}
	if err := json.Unmarshal(a.data, &shown); err != nil {
		return nil, fmt.Errorf("reading role %s: the answer is not Vault's", name)
	}
	return shown, nil
}

func (v *vault) rolePath(name string) string { return v.mount + "/roles/" + url.PathEscape(name) }

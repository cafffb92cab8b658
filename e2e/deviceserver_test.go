package e2e

import (
	"context"
	"crypto/rand"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// deviceServer is an OAuth server with the device flow (RFC 8628) that nobody here wrote: zitadel/oidc with the storage
// of its own example, over TLS. The other library of these tests has no such flow.
type deviceServer struct {
	*httptest.Server
	t     *testing.T
	store *deviceStore
}

const (
	deviceClient = "television"
	deviceSecret = "zitadel-secret-canary-0123456789"
	deviceUser   = "id1" // in the example's storage, with this address:
	deviceEmail  = "test-user@zitadel.ch"
)

func startDeviceServer(t *testing.T) *deviceServer {
	t.Helper()
	canaries.add("secret at the device server", deviceSecret)
	mux := http.NewServeMux()
	s := &deviceServer{t: t, Server: httptest.NewTLSServer(mux)}
	t.Cleanup(s.Close)
	s.store = &deviceStore{Storage: storage.NewStorageWithClients(storage.NewUserStore(s.URL), map[string]*storage.Client{
		deviceClient: storage.DeviceClient(deviceClient, deviceSecret),
	})}
	config := &op.Config{
		CodeMethodS256: true, AuthMethodPost: true, GrantTypeRefreshToken: true,
		SupportedScopes: []string{"openid", "email", "offline_access"},
		DeviceAuthorization: op.DeviceAuthorizationConfig{
			Lifetime: time.Minute, PollInterval: time.Second, UserFormPath: "/device", UserCode: op.UserCodeBase20,
		},
	}
	_, _ = rand.Read(config.CryptoKey[:])
	provider, err := op.NewProvider(config, s.store, op.StaticIssuer(s.URL), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	mux.Handle("/", provider)
	return s
}

// authority is the PEM file of the certificate that the server shows.
func (s *deviceServer) authority() string {
	s.t.Helper()
	path := filepath.Join(s.t.TempDir(), "ca.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// deviceStore is the example's storage, with what it lacks: a client of the device flow that may refresh, and whose grant
// its refresh tokens are. It counts the polls, and finds the first of each code too hasty.
type deviceStore struct {
	*storage.Storage
	mu    sync.Mutex
	polls map[string][]time.Time // by device code
}

// refreshing is a client that may refresh too.
type refreshing struct{ op.Client }

// GrantTypes implements op.Client.
func (c refreshing) GrantTypes() []oidc.GrantType {
	return append(c.Client.GrantTypes(), oidc.GrantTypeRefreshToken)
}

// IDTokenUserinfoClaimsAssertion implements op.Client: the ID token names the address, which else only its UserInfo
// endpoint does (OpenID Connect Core section 5.4).
func (refreshing) IDTokenUserinfoClaimsAssertion() bool { return true }

// GetClientByClientID implements op.Storage.
func (s *deviceStore) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	client, err := s.Storage.GetClientByClientID(ctx, id)
	if err != nil {
		return nil, err
	}
	return refreshing{client}, nil
}

// CreateAccessAndRefreshTokens implements op.Storage.
func (s *deviceStore) CreateAccessAndRefreshTokens(ctx context.Context, request op.TokenRequest, current string) (string, string, time.Time, error) {
	if agreed, ok := request.(*op.DeviceAuthorizationState); ok {
		request = &storage.RefreshTokenRequest{RefreshToken: &storage.RefreshToken{
			ApplicationID: agreed.ClientID, UserID: agreed.Subject, Scopes: agreed.Scopes, Audience: agreed.GetAudience(), AuthTime: time.Now(),
		}}
	}
	id, refreshToken, end, err := s.Storage.CreateAccessAndRefreshTokens(ctx, request, current)
	canaries.add("refresh token of the device server", refreshToken)
	return id, refreshToken, end, err
}

// GetDeviceAuthorizatonState implements op.DeviceAuthorizationStorage; the library says slow_down of this error.
func (s *deviceStore) GetDeviceAuthorizatonState(ctx context.Context, client, code string) (*op.DeviceAuthorizationState, error) {
	canaries.add("device code", code)
	s.mu.Lock()
	if s.polls == nil {
		s.polls = map[string][]time.Time{}
	}
	s.polls[code] = append(s.polls[code], time.Now())
	first := len(s.polls[code]) == 1
	s.mu.Unlock()
	if first {
		return nil, context.DeadlineExceeded
	}
	return s.Storage.GetDeviceAuthorizatonState(ctx, client, code)
}

// polled are the times at which the one code that was polled for was.
func (s *deviceStore) polled() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, times := range s.polls {
		return append([]time.Time(nil), times...)
	}
	return nil
}

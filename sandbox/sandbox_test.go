package sandbox_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox"
	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// Whoever starts a sandbox for a test need not stop it, and one who does may do so twice.
func TestASandboxEndsWithItsContextOrWhenItIsClosed(t *testing.T) {
	for name, end := range map[string]func(s *sandbox.Sandbox, cancel func()){
		"context": func(_ *sandbox.Sandbox, cancel func()) { cancel() },
		"close":   func(s *sandbox.Sandbox, _ func()) { s.Close() },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		s, err := sandbox.Start(ctx, sandbox.Options{})
		if err != nil {
			t.Fatal(err)
		}
		env := s.Environment(t.TempDir())
		var ports []string
		for _, variable := range []string{"SANDBOX_PROXY", "SANDBOX_URL", "SANDBOX_API"} {
			_, port, _ := strings.Cut(env[variable], "://")
			ports = append(ports, port)
			conn, err := net.Dial("tcp", port)
			if err != nil {
				t.Fatalf("%s: %v", variable, err)
			}
			conn.Close()
		}
		watching := watch(t, ports[2])
		end(s, cancel)
		if _, err := watching.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("%s: a connection to the API ends with %v", name, err)
		}
		s.Close()                    // waits for the end, whoever began it
		for _, port := range ports { // asked, not taken: another program's connection may begin there meanwhile
			if conn, err := net.Dial("tcp", port); err == nil {
				t.Errorf("%s: %s still answers", name, port)
				conn.Close()
			}
		}
		cancel()
	}
}

// watch opens a connection to the API that has been of use, so that only an end of the sandbox ends it.
func watch(t *testing.T, port string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "GET /stats HTTP/1.1\r\nHost: %s\r\n\r\n", port)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		t.Fatal(err)
	}
	return conn
}

// What is held is not waited for: it ends with the sandbox, unanswered.
func TestAHeldAnswerEndsWithTheSandbox(t *testing.T) {
	b := sandboxtest.New(t)
	b.Order("/control", map[string]any{"provider": "keliweb", "hold": 1}, nil)
	answered := make(chan error)
	go func() {
		_, err := b.Do(b.Client, b.Good("keliweb", b.Initial("keliweb")))
		answered <- err
	}()
	b.Arrived(1)
	begun := time.Now()
	b.Sandbox.Close()
	if err := <-answered; err == nil {
		t.Error("answered")
	}
	if took := time.Since(begun); took > 5*time.Second {
		t.Errorf("it took %s to end", took)
	}
}

// Two run side by side in one process and know nothing of each other: neither's tokens nor its authority.
func TestSandboxesInOneProcessShareNothing(t *testing.T) {
	one, other := sandboxtest.New(t), sandboxtest.New(t)
	next := one.Want(200, "", one.Good("generic", one.Initial("generic"))).Text("refresh_token")
	other.Want(400, "invalid_grant", other.Good("generic", next))
	other.Want(200, "", other.Good("generic", other.Initial("generic")))
	if got := one.Stats("generic"); got.Requests != 1 || got.Generation != 1 {
		t.Errorf("%+v", got)
	}
	if answer, err := one.Do(other.Bare, one.Good("generic", next)); err == nil {
		t.Errorf("trusted with another's authority: %d", answer.Status)
	}
}

func TestOptionsOfASandbox(t *testing.T) {
	s, err := sandbox.Start(t.Context(), sandbox.Options{TTL: 20 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, l := range s.Ledgers {
		if l.Policy.AccessTTL != 20*time.Second {
			t.Errorf("%s: access tokens live %s", l.Name, l.Policy.AccessTTL)
		}
	}
	if _, err := sandbox.Start(t.Context(), sandbox.Options{ClientCAs: []byte("no PEM")}); err == nil {
		t.Error("authorities of no certificate")
	}
}

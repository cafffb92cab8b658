package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
)

// A redirect is an answer like any other, as it is to curl without --location.
func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the redirect was followed")
	}))
	defer elsewhere.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", elsewhere.URL)
		w.WriteHeader(http.StatusTemporaryRedirect)
		_, _ = w.Write([]byte("over there"))
	}))
	defer server.Close()
	c := call{output: filepath.Join(t.TempDir(), "answer"), fail: true, header: http.Header{}}
	if err := c.get(server.URL); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(c.output); err != nil || string(got) != "over there" {
		t.Errorf("the answer is %q, %v", got, err)
	}
}

package browser

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
)

// fields are a JSON object.
type fields = map[string]any

// call makes a request with a JSON body, none for nil, and returns the object that comes.
func call(method, url, token string, body fields) (status int, answer fields, err error) {
	var payload io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return 0, nil, err
		}
		payload = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(context.Background(), method, url, payload)
	if err != nil {
		return 0, nil, err
	}
	if token != "" {
		req.Header.Set("X-Vault-Token", token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, nil, err
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &answer); err != nil {
			return 0, nil, fmt.Errorf("%s %s answers %s, which is no JSON: %.200s", method, url, resp.Status, text)
		}
	}
	return resp.StatusCode, answer, nil
}

// ask is a call of Vault's API, which must succeed; it returns the answer's data.
func (v *vault) ask(t *testing.T, method, path string, body fields) fields {
	t.Helper()
	status, answer, err := call(method, v.addr+"/v1/"+path, v.token, body)
	if err != nil {
		t.Fatal(err)
	}
	if status >= 300 {
		t.Fatalf("%s %s: %d %v", method, path, status, answer)
	}
	data, _ := answer["data"].(fields)
	return data
}

// order is a call of the sandbox's API, which must succeed.
func (s *sandbox) order(t *testing.T, path string, body fields) {
	t.Helper()
	if status, answer, err := call(http.MethodPost, s.env["SANDBOX_API"]+path, "", body); err != nil || status >= 300 {
		t.Fatalf("sandbox %s: %d %v %v", path, status, answer, err)
	}
}

package client

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"mime/multipart"
	"net/url"
	"strings"
)

// encode writes the parameters in a request format and returns the body with its content type. key is the
// idempotency key, "" for none.
func encode(format string, params []param, key string) (body []byte, contentType string) {
	switch format {
	case FormatMultipart:
		return encodeMultipart(params, key)
	case FormatJSON:
		return encodeJSON(params), "application/json"
	}
	pairs := make([]string, len(params))
	for i, p := range params {
		pairs[i] = url.QueryEscape(p.name) + "=" + url.QueryEscape(p.value)
	}
	return []byte(strings.Join(pairs, "&")), "application/x-www-form-urlencoded"
}

// encodeMultipart ignores errors that a bytes.Buffer can't have. Under a key, the boundary is the key's: a server
// that compares what comes under one sees the same bytes again, whoever sends them. As a hash, since a key is
// for its header only.
func encodeMultipart(params []param, key string) (body []byte, contentType string) {
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	if key != "" {
		sum := sha256.Sum256([]byte("boundary " + key))
		_ = w.SetBoundary(hex.EncodeToString(sum[:30])) // as long as a random one
	}
	for _, p := range params {
		_ = w.WriteField(p.name, p.value)
	}
	_ = w.Close()
	return out.Bytes(), w.FormDataContentType()
}

// encodeJSON keeps the order, which a map would lose, and '<', '>' and '&' as they are, which
// some hand-written parsers on the other side need.
func encodeJSON(params []param) []byte {
	var out bytes.Buffer
	text := json.NewEncoder(&out)
	text.SetEscapeHTML(false)
	for i, p := range params {
		out.WriteByte("{,"[min(i, 1)])
		_ = text.Encode(p.name)
		out.Truncate(out.Len() - 1) // the encoder's line break
		out.WriteByte(':')
		_ = text.Encode(p.value)
		out.Truncate(out.Len() - 1)
	}
	out.WriteByte('}')
	return out.Bytes()
}

package client

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/url"
	"strings"
)

// encode writes the parameters in a request format and returns the body with its content type.
func encode(format string, params []param) (body []byte, contentType string) {
	switch format {
	case FormatMultipart:
		return encodeMultipart(params)
	case FormatJSON:
		return encodeJSON(params), "application/json"
	}
	pairs := make([]string, len(params))
	for i, p := range params {
		pairs[i] = url.QueryEscape(p.name) + "=" + url.QueryEscape(p.value)
	}
	return []byte(strings.Join(pairs, "&")), "application/x-www-form-urlencoded"
}

// encodeMultipart ignores errors that a bytes.Buffer can't have.
func encodeMultipart(params []param) (body []byte, contentType string) {
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
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

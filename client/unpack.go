package client

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"io"
	"regexp"
	"unicode/utf16"
)

// guards are what some servers write before JSON so that no script can load it.
var guards = regexp.MustCompile(`^(?:\)\]\}',?|while\s*\(1\);|for\s*\(;;\);)\s*`)

// unpack returns the text of a body: unpacked, in UTF-8 and without what may stand around a document. A proxy
// has been seen to take the Content-Encoding away from an answer in gzip, and gzip's first bytes begin no text.
func unpack(body []byte, cut bool) (text []byte, broken bool) {
	if isPacked(body) {
		body, cut = inflate(body, cut)
	}
	text = bytes.TrimSpace(bytes.TrimPrefix(fromUTF16(body), []byte("\ufeff")))
	return text[len(guards.Find(text)):], cut
}

// isPacked knows gzip (RFC 1952) and zlib (RFC 1950), which is what Content-Encoding calls deflate.
func isPacked(body []byte) bool {
	return bytes.HasPrefix(body, []byte{0x1f, 0x8b}) ||
		len(body) > 2 && body[0] == 0x78 && (uint(body[0])<<8|uint(body[1]))%31 == 0 && !isVisible(string(body[:2]))
}

// inflate unpacks at most maxBody bytes. What comes before an error is kept.
func inflate(body []byte, cut bool) (text []byte, broken bool) {
	var packed io.Reader
	var err error
	if body[0] == 0x78 {
		packed, err = zlib.NewReader(bytes.NewReader(body))
	} else {
		packed, err = gzip.NewReader(bytes.NewReader(body))
	}
	if err != nil {
		return nil, true
	}
	text, err = io.ReadAll(io.LimitReader(packed, maxBody+1))
	if len(text) > maxBody {
		return text[:maxBody], true
	}
	return text, cut || err != nil
}

// fromUTF16 knows UTF-16 by its mark or, since documents begin with ASCII, by the zero in its first two bytes.
func fromUTF16(body []byte) []byte {
	if len(body) < 4 {
		return body
	}
	var order binary.ByteOrder
	switch {
	case body[0] == 0xff && body[1] == 0xfe, body[0] != 0 && body[1] == 0:
		order = binary.LittleEndian
	case body[0] == 0xfe && body[1] == 0xff, body[0] == 0 && body[1] != 0:
		order = binary.BigEndian
	default:
		return body
	}
	units := make([]uint16, len(body)/2)
	for i := range units {
		units[i] = order.Uint16(body[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}

// textInQuotes undoes what a server does that encodes its answer twice.
func textInQuotes(text []byte) ([]byte, bool) {
	var inner string
	if !bytes.HasPrefix(text, []byte(`"`)) || json.Unmarshal(text, &inner) != nil {
		return nil, false
	}
	plain := bytes.TrimSpace([]byte(inner))
	return plain, bytes.HasPrefix(plain, []byte("{")) || bytes.HasPrefix(plain, []byte("["))
}

package client

import (
	"bytes"
	"compress/gzip"
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
		body, cut = gunzip(body, cut)
	}
	text = bytes.TrimSpace(bytes.TrimPrefix(fromUTF16(body), []byte("\ufeff")))
	return text[len(guards.Find(text)):], cut
}

func isPacked(body []byte) bool { return bytes.HasPrefix(body, []byte{0x1f, 0x8b}) }

// gunzip unpacks at most maxBody bytes. What comes before an error is kept.
func gunzip(body []byte, cut bool) (text []byte, broken bool) {
	packed, err := gzip.NewReader(bytes.NewReader(body))
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

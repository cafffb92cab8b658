package client

import (
	"bytes"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"
)

// toBER writes DER as NSS and Bouncy Castle would: indefinite lengths, and strings in two pieces, those under a
// tag of their own too.
func toBER(t testing.TB, der []byte) []byte {
	t.Helper()
	var out []byte
	for len(der) > 0 {
		var v asn1.RawValue
		rest, err := asn1.Unmarshal(der, &v)
		if err != nil {
			t.Fatal(err)
		}
		der = rest
		switch {
		case v.IsCompound:
			out = append(append(append(out, v.FullBytes[0], 0x80), toBER(t, v.Bytes)...), 0, 0)
		case v.Tag == asn1.TagOctetString && v.Class == asn1.ClassUniversal, v.Tag == 0 && v.Class == asn1.ClassContextSpecific:
			half := len(v.Bytes) / 2
			out = append(out, v.FullBytes[0]|0x20, 0x80)
			for _, piece := range [][]byte{v.Bytes[:half], v.Bytes[half:]} {
				octets, err := asn1.Marshal(piece)
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, octets...)
			}
			out = append(out, 0, 0)
		default:
			out = append(out, v.FullBytes...)
		}
	}
	return out
}

// berPFX writes the file and the structures in its strings as BER, as far as no MAC is of them.
func berPFX(t testing.TB, name string) []byte {
	t.Helper()
	var pdu pfxPDU
	if err := unmarshalExactly([]byte(identityFile(t, name)), &pdu); err != nil {
		t.Fatal(err)
	}
	der, err := asn1.Marshal(pdu)
	if err != nil {
		t.Fatal(err)
	}
	return toBER(t, der)
}

// What is taken in DER is taken in BER, and is the same.
func TestParsePFXTakesBER(t *testing.T) {
	for name, password := range map[string]string{"modern": identityPassword, "legacy": identityPassword, "p256": identityPassword,
		"no-mac": identityPassword, "plain": "", "empty-password-legacy": "", "umlaut": "pässwörd"} {
		want, err := ParsePFX(base64File(t, name+".pfx"), NewSecret(password))
		if err != nil {
			t.Fatal(err)
		}
		ber := berPFX(t, name+".pfx")
		if !bytes.HasPrefix(ber, []byte{0x30, 0x80}) {
			t.Fatal("the file is not in BER")
		}
		got, err := ParsePFX(base64.StdEncoding.EncodeToString(append(ber, '\n')), NewSecret(password))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if chainNames(t, got) != chainNames(t, want) || got.Fingerprint() != want.Fingerprint() {
			t.Errorf("%s: another identity in BER", name)
		}
		_, err = ParsePFX(base64.StdEncoding.EncodeToString(append(ber, 'x')), NewSecret(password))
		wantSentence(t, err, "data after its end")
	}
}

// The structures in the strings of a PFX may be BER too, where no MAC was made of the DER.
func TestParsePFXTakesBERWithinItsStrings(t *testing.T) {
	parts := decryptedParts(t)
	for i := range parts {
		parts[i] = toBER(t, parts[i])
	}
	safe := toBER(t, marshal(t, []contentInfo{octetPart(t, parts[0]), encryptedBytes(t, 1, parts[1])}))
	part := octetPart(t, safe)
	text := base64.StdEncoding.EncodeToString(marshal(t, pfxPDU{3, part, testMAC(safe)}))
	id, err := ParsePFX(text, NewSecret(identityPassword))
	if err != nil {
		t.Fatal(err)
	}
	if got := chainNames(t, id); got != "p256 client" {
		t.Errorf("chain %q", got)
	}
}

// decryptedParts are the DER of two safes: a key, and its certificate.
func decryptedParts(t *testing.T) [][]byte {
	return [][]byte{marshal(t, []safeBag{visibleKey(t)}), marshal(t, []safeBag{certificateBag(t, "p256")})}
}

func octetPart(t *testing.T, content []byte) contentInfo {
	t.Helper()
	part, err := dataPart(content)
	if err != nil {
		t.Fatal(err)
	}
	return part
}

// A hostile file nests until the stack or the memory is spent, or promises what it does not hold.
func TestBERIsBounded(t *testing.T) {
	nested := func(n int) []byte {
		return slices.Concat(bytes.Repeat([]byte{0x30, 0x80}, n), bytes.Repeat([]byte{0, 0}, n))
	}
	if _, _, err := toDER(nested(maxBERDepth - 1)); err != nil {
		t.Errorf("%d levels: %v", maxBERDepth-1, err)
	}
	for name, data := range map[string][]byte{
		"deep":             nested(maxBERDepth + 1),
		"deepest":          nested(maxPFX / 5),
		"without an end":   bytes.Repeat([]byte{0x30, 0x80}, 10),
		"a huge length":    {0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x04},
		"strange pieces":   {0x24, 0x80, 0x02, 0x01, 0x01, 0, 0},
		"nothing":          {},
		"only a beginning": {0x24},
	} {
		if _, _, err := toDER(data); !errors.Is(err, errBER) {
			t.Errorf("%s: %v", name, err)
		}
		_, err := ParsePFX(base64.StdEncoding.EncodeToString(append([]byte{0x30, 0x80}, data...)), Secret{})
		wantSentence(t, err, "not a PKCS #12 file")
	}
	der, rest, err := toDER([]byte{0x24, 0x80, 0x24, 0x80, 0x04, 0x01, 'a', 0, 0, 0x04, 0x01, 'b', 0, 0, 'x'})
	if err != nil || string(der) != "\x04\x02ab" || string(rest) != "x" {
		t.Errorf("pieces in pieces: %q, %q, %v", der, rest, err)
	}
	if strings.Contains(errBER.Error(), "asn1") {
		t.Error("a library's text")
	}
}

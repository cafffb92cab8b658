package client

import (
	"encoding/base64"
	"strings"
	"testing"
	"unicode/utf16"
)

// utf16Text is a text in UTF-16 with its mark, as it arrives over an API that carries bytes, and as the command
// line sends it, which puts U+FFFD for each byte of the mark.
func utf16Text(text string, little bool) (raw, sent string) {
	var b []byte
	for _, u := range utf16.Encode([]rune("\ufeff" + text)) {
		if little {
			b = append(b, byte(u), byte(u>>8))
		} else {
			b = append(b, byte(u>>8), byte(u))
		}
	}
	return string(b), "\ufffd\ufffd" + string(b[2:])
}

// disguises are what programs make of a text.
func disguises(text string) map[string]string {
	little, littleSent := utf16Text(text, true)
	big, bigSent := utf16Text(text, false)
	return map[string]string{
		"UTF-16LE": little, "UTF-16LE by the CLI": littleSent, "UTF-16BE": big, "UTF-16BE by the CLI": bigSent,
		"indented":        "    " + strings.ReplaceAll(text, "\n", "\n\t  "),
		"escaped":         strings.ReplaceAll(text, "\n", `\n`),
		"escaped CRLF":    strings.ReplaceAll(text, "\n", `\r\n`),
		"quoted, escaped": ` "` + strings.ReplaceAll(text, "\n", `\n`) + "\"\n",
		"UTF-8 with mark": byteOrderMark + text,
	}
}

func TestTextIsTakenInAnyDisguise(t *testing.T) {
	for name, key := range map[string]string{"plain": "p256.key", "encrypted": "p256-rfc1423-des3.key"} {
		password := Secret{}
		if name == "encrypted" { // its headers are lines too
			password = NewSecret(identityPassword)
		}
		keys := disguises(identityFile(t, key))
		for disguise, text := range disguises(identityFile(t, "p256.pem") + identityFile(t, "chain.pem")) {
			id, err := ParsePEM(text, NewSecret(keys[disguise]), password)
			if err != nil {
				t.Errorf("%s, %s: %v", name, disguise, err)
			} else if got := chainNames(t, id); got != "p256 client < Test Intermediate" {
				t.Errorf("%s, %s: chain %q", name, disguise, got)
			}
			if _, err := ParseSigningKey(NewSecret(keys[disguise]), password); err != nil {
				t.Errorf("%s, %s, to sign with: %v", name, disguise, err)
			}
			if certs, warnings, err := ParseAuthorities(text); err != nil || len(certs) != 3 || len(warnings) != 0 {
				t.Errorf("%s: %d authorities, %q, %v", disguise, len(certs), warnings, err)
			}
		}
	}
	for disguise, text := range disguises(base64File(t, "p256.pfx") + "\n") {
		if _, err := ParsePFX(text, NewSecret(identityPassword)); err != nil {
			t.Errorf("PFX, %s: %v", disguise, err)
		}
	}
}

// Windows' certutil calls a PFX a certificate, GnuTLS calls it PKCS12.
func TestParsePFXTakesPEMArmour(t *testing.T) {
	for _, label := range []string{"CERTIFICATE", "PKCS12", "PFX"} {
		text := "-----BEGIN " + label + "-----\r\n" + base64File(t, "p256.pfx") + "\r\n-----END " + label + "-----\r\n"
		for how, text := range map[string]string{"as it is": text, "in base64": base64.StdEncoding.EncodeToString([]byte(text))} {
			if _, err := ParsePFX(text, NewSecret(identityPassword)); err != nil {
				t.Errorf("%s, %s: %v", label, how, err)
			}
		}
		if !IsPFX(text) {
			t.Errorf("%s is no PFX", label)
		}
		_, err := ParsePEM(text, NewSecret(identityFile(t, "p256.key")), Secret{})
		wantSentence(t, err, "pass it as pfx")
		_, err = ParsePFX(text, NewSecret("wrong"))
		wantSentence(t, err, "is not the password")
	}
	if IsPFX(base64File(t, "p256.pfx") + strings.Repeat("\n", 2*maxPFX)) {
		t.Error("a text is looked into that is longer than any PFX")
	}
	for name, text := range map[string]string{
		"certificate": identityFile(t, "p256.pem"), "key": identityFile(t, "p256.key"), "two": strings.Repeat(exporterFile(t, "certutil-encode.txt"), 2),
	} {
		if IsPFX(text) {
			t.Errorf("%s is taken for a PFX", name)
		}
		_, err := ParsePFX(text, Secret{})
		wantSentence(t, err, "pfx holds PEM")
	}
}

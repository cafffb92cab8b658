package client

import (
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"
)

func TestParsePFXForms(t *testing.T) {
	const whole = " client < Test Intermediate"
	for _, c := range []struct{ file, password, chain string }{
		{"modern", identityPassword, "rsa" + whole},
		{"legacy", identityPassword, "rsa" + whole},
		{"descert", identityPassword, "rsa client"},
		{"aes128", identityPassword, "rsa client"},
		{"sha512", identityPassword, "rsa client"},
		{"p256", identityPassword, "p256" + whole},
		{"p384", identityPassword, "p384 client"},
		{"ed25519", identityPassword, "ed25519 client"},
		{"no-mac", identityPassword, "p256 client"},
		{"plain-mac", identityPassword, "p256 client"},
		{"plain", "", "p256 client"},
		{"empty-password", "", "p256 client"},
		{"empty-password-no-mac", "", "p256 client"},
		{"empty-password-legacy", "", "p256 client"},
		{"null-password", "", "p256 client"},
		{"umlaut", "pässwörd", "p256 client"},
		{"umlaut-legacy", "pässwörd", "p256 client"},
	} {
		t.Run(c.file, func(t *testing.T) {
			text := base64File(t, c.file+".pfx")
			id, err := ParsePFX(text, NewSecret(c.password))
			if err != nil {
				t.Fatal(err)
			}
			if got := chainNames(t, id); got != c.chain {
				t.Errorf("chain %q, want %q", got, c.chain)
			}
			chain, key := id.PEM()
			if _, err := LoadIdentity(chain, key); err != nil {
				t.Error(err)
			}
			_, err = ParsePFX(text, NewSecret("wrong"))
			if c.password == "" && c.file != "empty-password-no-mac" {
				wantSentence(t, err, "leave pfx_password out")
				return
			}
			wantSentence(t, err, "is not the password")
			if c.password != "" {
				_, err = ParsePFX(text, Secret{})
				wantSentence(t, err, "pass it as pfx_password")
			}
		})
	}
}

func TestParsePFXTextForms(t *testing.T) {
	der := []byte(identityFile(t, "p256.pfx"))
	text := base64.StdEncoding.EncodeToString(der)
	var lines strings.Builder
	for i := 0; i < len(text); i += 64 {
		lines.WriteString(text[i:min(i+64, len(text))] + "\r\n\t ")
	}
	for name, text := range map[string]string{
		"lines":                lines.String(),
		"BOM":                  "\ufeff" + text + "\n",
		"no padding":           strings.TrimRight(text, "="),
		"URL":                  base64.URLEncoding.EncodeToString(der),
		"URL without padding":  base64.RawURLEncoding.EncodeToString(der),
		"newline after binary": base64.StdEncoding.EncodeToString(append(der, "\r\n"...)),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := ParsePFX(text, NewSecret(identityPassword)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestParsePFXRefusals(t *testing.T) {
	binary := identityFile(t, "p256.pfx")
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for name, c := range map[string]struct{ text, want string }{
		"empty":                  {" \n", `pfx is empty: pass it as pfx="$(base64 -w0 cert.pfx)" or pfx=@cert.b64`},
		"binary, garbled":        {strings.ToValidUTF8(binary, "\ufffd"), `pass it as pfx="$(base64 -w0 cert.pfx)" or pfx=@cert.b64`},
		"binary":                 {binary, "pfx is not base64"},
		"cut base64":             {encode(binary)[:1001], "pfx is not base64"},
		"padding inside":         {"MI==" + encode(binary), "pfx is not base64"},
		"PEM":                    {identityFile(t, "p256.pem"), "pfx holds PEM"},
		"PEM in base64":          {encode(identityFile(t, "p256.pem")), "pfx holds PEM"},
		"huge text":              {strings.Repeat(" ", 10<<20), "larger than 128 KiB"},
		"huge file":              {encode(strings.Repeat("0", 128<<10+1)), "larger than 128 KiB"},
		"twice base64":           {encode(encode(binary)), "not a PKCS #12 file"},
		"a certificate":          {encode(string(identityCertificate(t, "p256.pem").Raw)), "not a PKCS #12 file"},
		"cut":                    {encode(binary[:len(binary)-9]), "not a PKCS #12 file"},
		"BER cut":                {encode("\x30\x80" + binary[4:]), "not a PKCS #12 file"},
		"trailing data":          {encode(binary + "x"), "data after its end"},
		"SHA-384 MAC":            {base64File(t, "sha384.pfx"), "-macalg sha256"},
		"secp256k1":              {base64File(t, "secp256k1.pfx"), "curve is not supported"},
		"no key":                 {base64File(t, "no-key.pfx"), "pfx holds no private key"},
		"no certificate":         {base64File(t, "no-certificate.pfx"), "pfx holds no certificate"},
		"too many iterations":    {base64File(t, "slow.pfx"), "more than 10,000,000 key derivation iterations"},
		"damaged content":        {encode(binary[:200] + "\x00\x00" + binary[202:]), "is not the password"},
		"lone CA, a client's ok": {base64File(t, "ca.pfx"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParsePFX(c.text, NewSecret(identityPassword))
			if c.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantSentence(t, err, c.want)
		})
	}
	_, err := ParsePFX(encode(binary), NewSecret("pass\U0001f511"))
	wantSentence(t, err, "such as an emoji")
}

// encodePFX makes files that openssl refuses to make.
func encodePFX(t *testing.T, e *pkcs12.Encoder, key, first string, others ...string) string {
	t.Helper()
	block, _ := pem.Decode([]byte(identityFile(t, key+".key")))
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	var rest []*x509.Certificate
	for _, name := range others {
		rest = append(rest, identityCertificate(t, name+".pem"))
	}
	der, err := e.Encode(crypto.PrivateKey(private), identityCertificate(t, first+".pem"), rest, identityPassword)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

func TestParsePFXFindsTheLeaf(t *testing.T) {
	text := encodePFX(t, pkcs12.Modern2023, "p256", "root", "rsa", "intermediate", "p256")
	id, err := ParsePFX(text, NewSecret(identityPassword))
	if err != nil {
		t.Fatal(err)
	}
	if got := chainNames(t, id); got != "p256 client < Test Intermediate" {
		t.Errorf("chain %q", got)
	}
}

func TestParsePFXRefusesForeignKeys(t *testing.T) {
	_, err := ParsePFX(encodePFX(t, pkcs12.LegacyRC2, "p256", "rsa", "root"), NewSecret(identityPassword))
	wantSentence(t, err, "belongs to none of the certificates")
	_, err = ParsePFX(encodePFX(t, pkcs12.LegacyDES, "root", "p256", "intermediate", "root"), NewSecret(identityPassword))
	wantSentence(t, err, "belongs to a CA certificate")
}

func TestParsePFXWithPBMAC1(t *testing.T) {
	text := encodePFX(t, pkcs12.Modern2026, "p256", "p256")
	if _, err := ParsePFX(text, NewSecret(identityPassword)); err != nil {
		t.Error(err)
	}
	_, err := ParsePFX(text, NewSecret("wrong"))
	wantSentence(t, err, "is not the password")
}

// The refusal has to come before the work: these counts would keep a CPU busy for years. Hidden
// ones can't be counted, so a key among the encrypted certificates is refused as it is.
func TestParsePFXRefusesWorkUnseen(t *testing.T) {
	for name, text := range slowPFX(t) {
		t.Run(name, func(t *testing.T) {
			want := "more than 10,000,000"
			if strings.HasPrefix(name, "hidden") {
				want = "several private keys"
			}
			_, err := ParsePFX(text, NewSecret(identityPassword))
			wantSentence(t, err, want)
		})
	}
}

func FuzzParsePFX(f *testing.F) {
	for _, name := range []string{"p256", "legacy", "no-mac", "plain", "empty-password-legacy"} {
		f.Add([]byte(identityFile(f, name+".pfx")), identityPassword)
		f.Add(berPFX(f, name+".pfx"), identityPassword)
	}
	for _, name := range []string{"go-modern2026.pfx", "python-48.p12", "openssl-3-negative.pfx", "openssl-3-explicit.pfx", "certutil-encode.txt",
		"powershell-base64.txt"} {
		f.Add([]byte(exporterFile(f, name)), identityPassword)
	}
	f.Fuzz(func(t *testing.T, data []byte, password string) {
		if strings.Contains(string(data), "MII") || strings.Contains(string(data), pemBegin) { // text as it is
			id, err := ParsePFX(string(data), NewSecret(password))
			checkFuzzed(t, id, err)
		}
		if file, err := openPFX(data); err == nil && file.budget.spent > 100_000 {
			return // within the bound, but nothing to wait for here
		}
		id, err := ParsePFX(base64.StdEncoding.EncodeToString(data), NewSecret(password))
		checkFuzzed(t, id, err)
	})
}

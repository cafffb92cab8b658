package client

import (
	"encoding/base64"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite docs/certificates.md from what is read now")

// exported is a file as a program writes it, and how it is given. The files are in testdata/exporters, whose README
// has the commands.
type exported struct {
	program, format, file string
	field                 string // pfx: in base64, or as it is where it is text; certificate; key
	password              string
	outcome               string // what is sure to be in the result, so that no table can be made of failures
}

const pw = identityPassword

var exporters = []exported{
	{"OpenSSL 1.1.1", "key with triple DES, certificates with RC2, MAC with SHA-1", "openssl-1.1.pfx", "pfx", pw, "2 certificates"},
	{"OpenSSL 1.1.1", "`-keypbe AES-256-CBC -certpbe AES-256-CBC -macalg sha256`", "openssl-1.1-aes.pfx", "pfx", pw, "1 certificate"},
	{"OpenSSL 3.0", "AES-256, MAC with SHA-256", "openssl-3.pfx", "pfx", pw, "2 certificates"},
	{"OpenSSL 3.0", "`-legacy`", "openssl-3-legacy.pfx", "pfx", pw, "2 certificates"},
	{"OpenSSL 3.0", "`-iter 600000`", "openssl-3-iter.pfx", "pfx", pw, "1 certificate"},
	{"OpenSSL 3.0", "`-iter 3400000`", "openssl-3-slow.pfx", "pfx", pw, "iterations"},
	{"OpenSSL 3.0", "`-keypbe DES-EDE3-CBC -certpbe DES-EDE3-CBC`", "openssl-3-des3.pfx", "pfx", pw, "1 certificate"},
	{"OpenSSL 3.0", "`-macalg sha384`", "openssl-3-sha384.pfx", "pfx", pw, "-macalg sha256"},
	{"NSS, as in Firefox", "BER, 600,000 iterations for key, certificates and MAC each", "nss-export.p12", "pfx", "secret", "1 certificate"},
	{"NSS 3.87 (`pk12util`)", "BER, 600,000 iterations for key, certificates and MAC each", "nss-3.87.p12", "pfx", pw, "2 certificates"},
	{"NSS 3.87 (`pk12util -c -C`)", "BER, triple DES and RC2", "nss-3.87-des3.p12", "pfx", pw, "2 certificates"},
	{"GnuTLS 3.7 (`certtool --to-p12`)", "PEM, a part for each certificate, 600,000 iterations for each of four", "certtool-3.7.pem", "pfx", pw, "2 certificates"},
	{"GnuTLS 3.7 (`certtool --to-p12 --outder`)", "a part for each certificate", "certtool-3.7.p12", "pfx", pw, "2 certificates"},
	{"GnuTLS 3.7 (`certtool --to-p12 --outder`)", "`--pkcs-cipher rc2-40`", "certtool-3.7-rc2.p12", "pfx", pw, "2 certificates"},
	{"GnuTLS 3.7 (`certtool --to-p12 --outder`)", "`--pkcs-cipher aes-256`", "certtool-3.7-aes.p12", "pfx", pw, "2 certificates"},
	{"Java 25 (`keytool`)", "PKCS12", "keytool-25.p12", "pfx", pw, "2 certificates"},
	{"Java 17 (`keytool`)", "PKCS12", "keytool-17.p12", "pfx", pw, "2 certificates"},
	{"Java 8 (`keytool` of 17, `keystore.pkcs12.legacy`)", "PKCS12: triple DES and RC2", "keytool-8.p12", "pfx", pw, "2 certificates"},
	{"Java 17 (`keytool`)", "PKCS12 with two keys", "keytool-17-two.p12", "pfx", pw, "several private keys"},
	{"Java 8 (`keytool` of 17, `keystore.pkcs12.legacy`)", "PKCS12 with two keys", "keytool-8-two.p12", "pfx", pw, "several private keys"},
	{"Java 8 (`keytool`)", "JKS", "keytool-8.jks", "pfx", pw, "not a PKCS #12 file"},
	{"Bouncy Castle 1.72, as in EJBCA", "BER, triple DES and RC2", "bouncycastle-1.72.p12", "pfx", pw, "2 certificates"},
	{"Python cryptography 48", "`BestAvailableEncryption`", "python-48.p12", "pfx", pw, "2 certificates"},
	{"Go go-pkcs12 0.7", "`Modern2023`", "go-modern2023.pfx", "pfx", pw, "2 certificates"},
	{"Go go-pkcs12 0.7", "`Modern2026`: PBMAC1", "go-modern2026.pfx", "pfx", pw, "2 certificates"},
	{"Go go-pkcs12 0.7", "`LegacyRC2`", "go-legacyrc2.pfx", "pfx", pw, "2 certificates"},
	{"Windows `certutil -encode`", "a PFX under `BEGIN CERTIFICATE`", "certutil-encode.txt", "pfx", pw, "2 certificates"},
	{"Windows PowerShell", "base64 of a PFX in UTF-16", "powershell-base64.txt", "pfx", pw, "2 certificates"},
	{"Windows Notepad", "PEM in UTF-16", "notepad-utf16.pem", "certificate", "", "2 certificates"},
	{"YAML, HCL", "PEM, indented", "yaml-indented.pem", "certificate", "", "2 certificates"},
	{"JSON", "PEM with `\\n` for its line ends", "json-escaped.pem", "certificate", "", "2 certificates"},
	{"OpenSSL 3.0 (`crl2pkcs7`)", "PKCS #7", "openssl-3.p7b", "certificate", "", "openssl pkcs7"},
	{"OpenSSL 3.0", "a root with a negative serial number", "openssl-3-negative.pfx", "pfx", pw, "without certificate 2 of 2"},
	{"OpenSSL 3.0", "the same in PEM", "openssl-3-negative.pem", "certificate", "", "without certificate 2 of 2"},
	{"OpenSSL 3.0", "a root on a brainpool curve", "openssl-3-brainpool.pfx", "pfx", pw, "without certificate 2 of 2"},
	{"OpenSSL 3.0", "the same in PEM", "openssl-3-brainpool.pem", "certificate", "", "without certificate 2 of 2"},
	{"OpenSSL 3.0", "a root with a key for RSA-PSS only", "openssl-3-pss.pfx", "pfx", pw, "1 certificate"},
	{"OpenSSL 3.0", "the same in PEM", "openssl-3-pss.pem", "certificate", "", "1 certificate"},
	{"OpenSSL 3.0", "a key with explicit curve parameters", "openssl-3-explicit.pfx", "pfx", pw, "named_curve"},
	{"OpenSSL 3.0", "the same in PEM", "explicit.key", "key", "", "named_curve"},
	{"OpenSSL 3.0", "a key for RSA-PSS only", "openssl-3-pss-key.pfx", "pfx", pw, "RSA-PSS signatures only"},
	{"OpenSSL 3.0", "the same in PEM", "pss.key", "key", "", "RSA-PSS signatures only"},
	{"OpenSSL 3.0", "a key on a brainpool curve", "openssl-3-brainpool-key.pfx", "pfx", pw, "curve is not supported"},
	{"any", "a PKCS #8 key labelled `RSA PRIVATE KEY`", "label-rsa.key", "key", "", "1 certificate"},
	{"any", "a PKCS #1 key labelled `PRIVATE KEY`", "label-pkcs8.key", "key", "", "1 certificate"},
	{"any", "a PKCS #8 key labelled `EC PRIVATE KEY`", "label-ec.key", "key", "", "1 certificate"},
	{"any", "an encrypted PKCS #8 key labelled `PRIVATE KEY`", "label-encrypted.key", "key", pw, "1 certificate"},
}

func exporterFile(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/exporters/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// pfxText is a file as it is given in the field pfx.
func (e exported) pfxText(t testing.TB) string {
	text := exporterFile(t, e.file)
	if strings.HasSuffix(e.file, ".pem") || strings.HasSuffix(e.file, ".txt") {
		return text
	}
	return base64.StdEncoding.EncodeToString([]byte(text))
}

func (e exported) parse(t testing.TB) (*Identity, error) {
	switch e.field {
	case "pfx":
		return ParsePFX(e.pfxText(t), NewSecret(e.password))
	case "certificate":
		return ParsePEM(exporterFile(t, e.file), NewSecret(identityFile(t, "p256.key")), Secret{})
	}
	certificate := identityFile(t, "p256.pem")
	if e.file != "label-ec.key" {
		certificate = identityFile(t, "rsa.pem")
	}
	return ParsePEM(certificate, NewSecret(exporterFile(t, e.file)), NewSecret(e.password))
}

// result is what the code does with the file, for the table.
func (e exported) result(t *testing.T) (taken bool, text string) {
	id, err := e.parse(t)
	if err != nil {
		wantSentence(t, err, "")
		return false, err.Error()
	}
	n := len(id.Certificate().Certificate)
	text = fmt.Sprintf("%d certificates", n)
	if n == 1 {
		text = "1 certificate"
	}
	for _, d := range (*id.contents).dropped {
		text += fmt.Sprintf("; without certificate %d of %d, with a warning: %s", d.position, d.of, d.cause)
	}
	return true, text
}

const exportersBegin, exportersEnd = "<!-- exporters:begin -->\n", "<!-- exporters:end -->\n"

// The document says of each exporter's file what the code does with it; -update rewrites it.
func TestTheTableOfExportersIsTrue(t *testing.T) {
	const name = "../docs/certificates.md"
	fields := map[string]string{"pfx": "`pfx`", "certificate": "`client_certificate`", "key": "`client_private_key`"}
	var taken, refused strings.Builder
	taken.WriteString("| written by | as | field | chain that is sent | file |\n|---|---|---|---|---|\n")
	refused.WriteString("| written by | as | field | refusal | file |\n|---|---|---|---|---|\n")
	for _, e := range exporters {
		ok, text := e.result(t)
		if !strings.Contains(text, e.outcome) {
			t.Errorf("%s: %q, want %q", e.file, text, e.outcome)
		}
		table := &refused
		if ok {
			table = &taken
		}
		fmt.Fprintf(table, "| %s | %s | %s | %s | [%s](../client/testdata/exporters/%s) |\n", e.program, e.format, fields[e.field], text, e.file, e.file)
	}
	want := "## Taken\n\n" + taken.String() + "\n## Refused\n\n" + refused.String()
	document, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(document), exportersBegin)
	got, after, ok := strings.Cut(rest, exportersEnd)
	if !ok {
		t.Fatal("docs/certificates.md lacks the comments around its tables")
	}
	if got == want || t.Failed() {
		return
	}
	if !*update {
		t.Fatalf("the tables are out of date: run go test ./client -run TestTheTableOfExportersIsTrue -update\n%s", want)
	}
	if err := os.WriteFile(name, []byte(before+exportersBegin+want+exportersEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// A wrong password is told as one, whatever program wrote the file.
func TestExportersFilesTellAWrongPassword(t *testing.T) {
	for _, e := range exporters {
		if e.password == "" || !strings.Contains(e.outcome, "certificate") {
			continue
		}
		for password, want := range map[string]string{"wrong": "is not the password", "": "pass it"} {
			e.password = password
			_, err := e.parse(t)
			t.Run(e.file+" "+password, func(t *testing.T) { wantSentence(t, err, want) })
		}
	}
}

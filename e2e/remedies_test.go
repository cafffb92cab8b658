package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// remedy is a certificate or key that is refused, and what is written once the refusal's words were followed.
type remedy struct {
	name   string
	files  map[string]string // by what the sentence calls them, from client/testdata or made by a command
	first  string            // what is written, and refused with
	says   string            // these words
	edit   func(t *testing.T, dir string)
	second string // what is written after the commands, in the directory
}

const (
	newPFX  = `pfx="$(base64 -w0 $DIR/new.pfx)" pfx_password=$PASS`
	oldPFX  = `pfx="$(base64 -w0 $DIR/cert.pfx)" pfx_password=$PASS`
	newPair = `client_certificate=@$DIR/cert.pem client_private_key=@$DIR/key.pem`
)

func remedies() []remedy {
	exported := func(name string) map[string]string { return map[string]string{"cert.pfx": "exporters/" + name} }
	keyPair := func(certificate, key string) map[string]string {
		return map[string]string{"cert.pem": certificate, "key.pem": key}
	}
	return []remedy{
		{"iterations", exported("openssl-3-slow.pfx"), oldPFX, "iterations", nil, newPFX},
		{"MAC", exported("openssl-3-sha384.pfx"), oldPFX, "MAC", nil, newPFX},
		{"cipher", map[string]string{"cert.pfx": "! openssl pkcs12 -export -inkey identity/p256.key -in identity/p256.pem -passout env:PASS " +
			"-keypbe camellia-256-cbc -certpbe camellia-256-cbc"}, oldPFX, "not supported", nil, newPFX},
		{"several keys", exported("keytool-17-two.p12"), oldPFX, "several private keys", keepOneKey, newPFX},
		{"several keys, old", exported("keytool-8-two.p12"), oldPFX, "several private keys", keepOneKey, newPFX},
		{"explicit curve", exported("openssl-3-explicit.pfx"), oldPFX, "spells its elliptic curve out", nil,
			`client_certificate=@$DIR/cert.pem client_private_key=@$DIR/new.pem`},
		{"explicit curve, PEM", keyPair("exporters/explicit.pem", "exporters/explicit.key"), newPair, "spells its elliptic curve out", nil,
			`client_certificate=@$DIR/cert.pem client_private_key=@$DIR/new.pem`},
		{"PSS", exported("openssl-3-pss-key.pfx"), oldPFX, "RSA-PSS", nil, newPair},
		{"PSS, PEM", keyPair("exporters/pss.pem", "exporters/pss.key"), newPair, "RSA-PSS", nil, newPair},
		{"curve", exported("openssl-3-brainpool-key.pfx"), oldPFX, "curve is not supported", nil, newPair},
		{"kind", keyPair("identity/p256.pem", "! openssl genpkey -algorithm ED448"), newPair, "of a kind", nil, newPair},
		{"negative serial number", keyPair("exporters/negative-root.pem", "exporters/negative-root.key"), newPair, "serial number is negative", nil, newPair},
		{"PKCS #7", map[string]string{"cert.p7b": "! openssl crl2pkcs7 -nocrl -certfile identity/p256.pem", "key.pem": "identity/p256.key"},
			`client_certificate=@$DIR/cert.p7b client_private_key=@$DIR/key.pem`, "PKCS #7", nil, newPair},
		{"DER", map[string]string{"cert.cer": "! openssl x509 -in identity/p256.pem -outform DER", "key.pem": "identity/p256.key"},
			`client_certificate=@$DIR/cert.cer client_private_key=@$DIR/key.pem`, "no PEM certificate", nil, newPair},
		{"DER key", map[string]string{"cert.pem": "identity/p256.pem", "key.der": "! openssl pkey -in identity/p256.key -outform DER"},
			`client_certificate=@$DIR/cert.pem client_private_key=@$DIR/key.der`, "no PEM private key", nil, newPair},
		{"encryption of the key", keyPair("identity/p256.pem", "identity/p256-pkcs8-v1.key"), newPair + ` client_private_key_password=$PASS`,
			"encrypted in a way", nil, `client_certificate=@$DIR/cert.pem client_private_key=@$DIR/new.pem client_private_key_password=$PASS`},
		{"old encryption of the key", keyPair("identity/p256.pem", "! openssl pkcs8 -topk8 -v1 PBE-MD5-DES -passout env:PASS -in identity/p256.key -provider legacy -provider default"),
			newPair + ` client_private_key_password=$PASS`, "encrypted in a way", nil,
			`client_certificate=@$DIR/cert.pem client_private_key=@$DIR/new.pem client_private_key_password=$PASS`},
		{"negative serial number, PFX", map[string]string{"cert.pfx": "! openssl pkcs12 -export -inkey exporters/negative-root.key -in exporters/negative-root.pem -passout env:PASS"},
			oldPFX, "serial number is negative", nil, newPair},
		{"iterations of the key", keyPair("identity/p256.pem", "identity/p256-pkcs8-slow.key"), newPair + ` client_private_key_password=$PASS`,
			"iterations", nil, `client_certificate=@$DIR/cert.pem client_private_key=@$DIR/new.pem client_private_key_password=$PASS`},
		{"OpenSSH", keyPair("identity/p256.pem", "! cp identity/p256.key $DIR/ssh && chmod 600 $DIR/ssh && ssh-keygen -q -p -N '' -f $DIR/ssh >/dev/null && cat $DIR/ssh"),
			newPair, "OpenSSH", nil, newPair + ` client_private_key_password=$PASS`},
		{"PEM as pfx", keyPair("identity/p256.pem", "identity/p256.key"), `pfx=@$DIR/cert.pem`, "pfx holds PEM", nil, oldPFX},
		{"binary", map[string]string{"cert.pfx": "exporters/openssl-3.pfx"}, `pfx=@$DIR/cert.pfx pfx_password=$PASS`,
			`pfx="$(base64 -w0 cert.pfx)"`, nil, oldPFX},
	}
}

// keepOneKey does what the sentence leaves to an editor.
func keepOneKey(t *testing.T, dir string) {
	name := filepath.Join(dir, "all.pem")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	key := regexp.MustCompile(`(?s)-----BEGIN PRIVATE KEY-----.*?-----END PRIVATE KEY-----\n`)
	found := key.FindAllIndex(text, -1)
	if len(found) != 2 {
		t.Fatalf("%d private keys in all.pem", len(found))
	}
	if err := os.WriteFile(name, append(text[:found[1][0]:found[1][0]], text[found[1][1]:]...), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Whatever certificate or key is refused, the refusal's own commands make of it one that is taken, word for word.
func TestRemediesForCertificatesWork(t *testing.T) {
	t.Parallel()
	openssl, ssh := newTool(t, "openssl", "openssl"), newTool(t, "openssh-client", "ssh-keygen")
	env := slices.Concat(os.Environ(), openssl.env, ssh.env, []string{
		"PATH=" + filepath.Dir(openssl.path) + ":" + filepath.Dir(ssh.path) + ":" + os.Getenv("PATH"), "PASS=" + identitiesPassword,
	})
	l := newLab(t)
	canaries.add("password of the fixtures", identitiesPassword)
	l.run(`vault write oauth/providers/own token_endpoint="$GENERIC_TOKEN_ENDPOINT" token_endpoint_auth_method=client_secret_basic`)
	const write = "vault write oauth/roles/r provider=own client_id=c client_secret=s refresh_token=t "
	for _, r := range remedies() {
		t.Run(r.name, func(t *testing.T) {
			dir := t.TempDir()
			s := l.with("DIR="+dir, "PASS="+identitiesPassword)
			s.t = t
			for name, from := range r.files {
				place(t, env, dir, name, from)
			}
			sentence := s.refused(400, write+r.first)
			if !strings.Contains(sentence, r.says) || strings.Contains(sentence, identitiesPassword) {
				t.Fatalf("refused with %q, want %q", sentence, r.says)
			}
			followRemedy(t, env, r, dir, sentence)
			s.run(write + r.second)
			s.run("vault delete oauth/roles/r")
		})
	}
}

// place copies a file of client/testdata, or makes one by a command that prints it.
func place(t *testing.T, env []string, dir, name, from string) {
	command, made := strings.CutPrefix(from, "! ")
	if !made {
		command = "cat " + from
	}
	cmd := exec.Command("sh", "-ec", command)
	cmd.Dir, cmd.Env = "../client/testdata", append(slices.Clip(env), "DIR="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(command, err)
	}
	if err := os.WriteFile(filepath.Join(dir, name), out, 0o600); err != nil {
		t.Fatal(err)
	}
}

var remedyCommand = regexp.MustCompile("`((?:openssl|ssh-keygen) [^`]* [^`]*)`")

// followRemedy runs the commands of a sentence in their order, and answers their questions for a password. A
// request for a certificate goes to the CA, which is here.
func followRemedy(t *testing.T, env []string, r remedy, dir, sentence string) {
	commands := remedyCommand.FindAllStringSubmatch(sentence, -1)
	for i, match := range commands {
		if i == len(commands)-1 && r.edit != nil {
			r.edit(t, dir)
		}
		stderr, err := answer(env, dir, match[1])
		for hint, more := range map[string]string{"with -legacy too": " -legacy", "with -provider legacy": " -provider legacy -provider default"} {
			if strings.Contains(stderr, "unsupported") && strings.Contains(sentence, hint) {
				stderr, err = answer(env, dir, match[1]+more)
			}
		}
		if err != nil {
			t.Fatalf("$ %s\n%s%v", match[1], stderr, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "request.pem")); err == nil {
		place(t, env, dir, "cert.pem", "! openssl x509 -req -in $DIR/request.pem -CA identity/intermediate.pem -CAkey identity/intermediate.key -days 400 -set_serial 9")
	}
}

// answer runs a command without a terminal, so that it reads its passwords from here.
func answer(env []string, dir, command string) (stderr string, err error) {
	cmd := exec.Command("sh", "-ec", command)
	var text bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stderr, cmd.Stdin = dir, env, &text, strings.NewReader(strings.Repeat(identitiesPassword+"\n", 4))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Run()
	return text.String(), err
}

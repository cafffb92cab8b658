package main

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"vault-plugin-secrets-oauthrefresh/sandbox/browse"
)

const browseUsage = `Usage:
  sandbox browse [flags] URL                  open an authorization URL, log in, allow, and go on to the end
  sandbox browse [flags] -device USER_CODE    the same on PingOne's page for the codes of devices

Prints the last page as text; or, where the way ends at an address that nobody listens at or that
-stop-at names, that address. Exits 1 when access was not given: the page or the address tells of an error.
The providers' hosts are reached through the sandbox's proxy, loopback addresses such as Vault's directly.

A real browser gets there too. Chromium through the proxy:
  . sandbox-data/sandbox.env
  chromium $SANDBOX_CHROMIUM --user-data-dir="$(mktemp -d)" URL
or without it:
  chromium --host-resolver-rules="$SANDBOX_HOST_RULES" \
    --ignore-certificate-errors-spki-list="$SANDBOX_CA_SPKI" --user-data-dir="$(mktemp -d)" URL
Any other: set its HTTPS proxy to $SANDBOX_PROXY and import $SANDBOX_CA into a profile of its own.

Flags:
`

// visit is the command line of a browser.
type visit struct {
	dir, ca, device, url string
	user, stopAt         string
	deny                 bool
}

func parseVisit(args []string, stderr io.Writer) (visit, error) {
	var v visit
	f := flag.NewFlagSet("sandbox browse", flag.ContinueOnError)
	f.SetOutput(io.Discard) // main prints the error, once
	f.Usage = func() {
		fmt.Fprint(stderr, browseUsage)
		f.SetOutput(stderr)
		f.PrintDefaults()
	}
	f.StringVar(&v.dir, "dir", runningDir(), "directory of the running sandbox (default: $SANDBOX_DIR, or sandbox-data)")
	f.StringVar(&v.user, "user", "alice@example.test", "who logs in; bob@example.test and mallory@example.test are known too")
	f.BoolVar(&v.deny, "deny", false, "click Deny")
	f.StringVar(&v.ca, "ca", os.Getenv("VAULT_CACERT"), "PEM file with authorities to trust besides the sandbox's (default: $VAULT_CACERT)")
	f.StringVar(&v.stopAt, "stop-at", "", "print the first address that begins with this, and do not open it")
	f.StringVar(&v.device, "device", "", "user code to type on the page for them")
	if err := f.Parse(args); err != nil {
		return v, err
	}
	v.url = f.Arg(0)
	if f.NArg() > 1 || v.url == "" && v.device == "" {
		return v, errors.New("browse takes one URL, after its flags; see sandbox browse -h")
	}
	return v, nil
}

// runBrowse goes where the command line says, and prints what a person would see in the end.
func runBrowse(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	v, err := parseVisit(args, stderr)
	if err != nil {
		return err
	}
	env, err := readEnvironment(v.dir)
	if err != nil {
		return err
	}
	if v.url == "" {
		v.url = env["PINGONE_VERIFICATION_URI"]
	}
	roots, err := trusted(env["SANDBOX_CA"], v.ca)
	if err != nil {
		return err
	}
	b, err := browse.New(env["SANDBOX_PROXY"], roots, v.user)
	if err != nil {
		return err
	}
	b.Deny, b.StopAt, b.UserCode = v.deny, v.stopAt, v.device
	end, err := b.Open(ctx, v.url)
	if err != nil {
		return err
	}
	if !end.Opened {
		fmt.Fprintln(stdout, end.Address())
	} else {
		fmt.Fprintln(stdout, end.Text)
	}
	if !end.Through() {
		return errors.New("access was not given")
	}
	return nil
}

// trusted are the authorities in some files, of which any may be "".
func trusted(files ...string) (*x509.CertPool, error) {
	roots := x509.NewCertPool()
	for _, file := range files {
		if file == "" {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if !roots.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate", file)
		}
	}
	return roots, nil
}

package main

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox"
)

// settings are the command line of a serving sandbox.
type settings struct {
	dir                string
	proxy, listen, api string // addresses
	ttl                time.Duration
	quiet              bool
	clientCA           string // file
}

func parseSettings(args []string, stderr io.Writer) (settings, error) {
	var o settings
	f := flag.NewFlagSet("sandbox", flag.ContinueOnError)
	f.SetOutput(io.Discard) // main prints the error, once
	f.Usage = func() {
		fmt.Fprint(stderr, usage)
		f.SetOutput(stderr)
		f.PrintDefaults()
	}
	f.StringVar(&o.dir, "dir", "sandbox-data", "directory for the CA, the Isabel certificate and "+envName)
	f.StringVar(&o.proxy, "proxy", "127.0.0.1:0", "loopback address of the CONNECT proxy")
	f.StringVar(&o.listen, "listen", "127.0.0.1:0", "loopback address of the endpoints themselves, over TLS")
	f.StringVar(&o.api, "api", "127.0.0.1:0", "loopback address of the observation API, plain HTTP")
	f.StringVar(&o.clientCA, "client-ca", "", "PEM file with authorities of client certificates, besides the sandbox's own")
	f.DurationVar(&o.ttl, "ttl", 0, "access token lifetime of every provider (default: each its own)")
	f.BoolVar(&o.quiet, "quiet", false, "print refusals only")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("unknown command; see sandbox -h")
	case o.ttl != 0 && o.ttl < time.Second:
		return o, errors.New("-ttl must be at least 1s: expires_in counts in seconds")
	}
	dir, err := filepath.Abs(o.dir)
	o.dir = dir
	return o, err
}

// serve runs until ctx ends.
func serve(ctx context.Context, o settings, stdout, stderr io.Writer) error {
	if err := alone(ctx, o.dir); err != nil {
		return err
	}
	removeEnvironment(o.dir) // of a sandbox that was killed
	authorities, err := o.authorities()
	if err != nil {
		return err
	}
	s, err := sandbox.Start(ctx, sandbox.Options{
		Proxy: o.proxy, Direct: o.listen, API: o.api, TTL: o.ttl, ClientCAs: authorities, Log: stderr, Quiet: o.quiet,
	})
	if err != nil {
		return err
	}
	defer s.Close()
	if err := writeIdentity(s, o.dir); err != nil {
		return err
	}
	env := s.Environment(o.dir)
	if err := writeEnvironment(o.dir, env); err != nil {
		return err
	}
	defer removeEnvironment(o.dir)
	if !o.quiet {
		summary(stdout, s, env)
	}
	<-ctx.Done()
	return nil
}

// authorities gives the certificates in the file of -client-ca, nil without one.
func (o settings) authorities() ([]byte, error) {
	if o.clientCA == "" {
		return nil, nil
	}
	text, err := os.ReadFile(o.clientCA)
	if err == nil && !x509.NewCertPool().AppendCertsFromPEM(text) {
		err = errors.New("-client-ca holds no certificate")
	}
	return text, err
}

func summary(w io.Writer, s *sandbox.Sandbox, env map[string]string) {
	fmt.Fprintf(w, `Sandbox of the token endpoints, in memory, on loopback only.

  CONNECT proxy    %s   (HTTPS_PROXY for whoever shall reach it under the providers' own names)
  direct           %s  (/keliweb/oauth/token, /generic/token, ...)
  observation      %s   (sandbox requests, sandbox stats, sandbox control)
  CA certificate   %s
  all the rest     . %s

Providers:
`, env["SANDBOX_PROXY"], env["SANDBOX_URL"], env["SANDBOX_API"], env["SANDBOX_CA"], filepath.Join(env["SANDBOX_DIR"], envName))
	for _, l := range s.Ledgers {
		host := "127.0.0.1 only"
		if len(l.Hosts) > 0 {
			host = l.Hosts[0]
		}
		fmt.Fprintf(w, "  %-17s %-22s access tokens live %s\n", l.Name, host, l.Provider.Policy.AccessTTL)
	}
	fmt.Fprintln(w)
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// options is the command line of a serving sandbox.
type options struct {
	dir                string
	proxy, listen, api string // addresses
	ttl                time.Duration
	quiet              bool
	clientCA           string // file
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
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

// listen opens a port, on loopback or not at all.
func listen(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("%s is not host:port: %w", addr, err)
	}
	if ip := net.ParseIP(host); !ip.IsLoopback() {
		return nil, fmt.Errorf("%s is not a loopback address: the sandbox serves this machine only", addr)
	}
	return net.Listen("tcp", addr)
}

// serve runs until ctx ends.
func serve(ctx context.Context, o options, stdout, stderr io.Writer) error {
	if err := alone(ctx, o.dir); err != nil {
		return err
	}
	removeEnvironment(o.dir) // of a sandbox that was killed
	s, err := newSandbox(ctx, stderr, o.ttl)
	if err != nil {
		return err
	}
	s.quiet = o.quiet
	if o.clientCA != "" {
		text, err := os.ReadFile(o.clientCA)
		if err != nil {
			return err
		}
		if !s.ca.pool.AppendCertsFromPEM(text) {
			return errors.New("-client-ca holds no certificate")
		}
	}
	if err := s.writeIdentity(o.dir); err != nil {
		return err
	}
	var ports [3]net.Listener
	for i, addr := range []string{o.proxy, o.listen, o.api} {
		if ports[i], err = listen(addr); err != nil {
			return err
		}
		defer ports[i].Close()
	}
	stop := s.start(ports[0], ports[1], ports[2])
	defer stop()
	env := s.environment(o.dir, ports[0].Addr().String(), ports[1].Addr().String(), ports[2].Addr().String())
	if err := writeEnvironment(o.dir, env); err != nil {
		return err
	}
	defer removeEnvironment(o.dir)
	if !o.quiet {
		s.summary(stdout, env)
	}
	<-ctx.Done()
	return nil
}

// start serves on three listeners; the function that it returns stops, with a moment for what is in flight.
func (s *sandbox) start(proxy, direct, api net.Listener) (stop func()) {
	silent := log.New(io.Discard, "", 0) // the journal tells it better
	servers := []*http.Server{
		{Handler: http.HandlerFunc(s.proxy), ErrorLog: silent, ReadHeaderTimeout: handshakeTimeout},
		{Handler: s, ErrorLog: silent, ReadHeaderTimeout: handshakeTimeout, ConnContext: connContext},
		{Handler: s.observe(), ErrorLog: silent, ReadHeaderTimeout: handshakeTimeout},
	}
	for i, l := range []net.Listener{proxy, s.conns, api} {
		go servers[i].Serve(l)
	}
	go s.accept(direct)
	return func() {
		direct.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		for _, server := range servers {
			if server.Shutdown(ctx) != nil {
				server.Close()
			}
		}
	}
}

func (s *sandbox) summary(w io.Writer, env map[string]string) {
	fmt.Fprintf(w, `Sandbox of the token endpoints, in memory, on loopback only.

  CONNECT proxy    %s   (HTTPS_PROXY for whoever shall reach it under the providers' own names)
  direct           %s  (/keliweb/oauth/token, /generic/token, ...)
  observation      %s   (sandbox requests, sandbox stats, sandbox control)
  CA certificate   %s
  all the rest     . %s

Providers:
`, env["SANDBOX_PROXY"], env["SANDBOX_URL"], env["SANDBOX_API"], env["SANDBOX_CA"], filepath.Join(env["SANDBOX_DIR"], envName))
	for _, l := range s.ledgers {
		host := "127.0.0.1 only"
		if len(l.hosts) > 0 {
			host = l.hosts[0]
		}
		fmt.Fprintf(w, "  %-17s %-22s access tokens live %s\n", l.name, host, l.policy.accessTTL)
	}
	fmt.Fprintln(w)
}

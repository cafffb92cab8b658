package client

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// hostName is a DNS name or an IP address, without brackets and zone.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_:]([A-Za-z0-9._:-]*[A-Za-z0-9_:.])?$`)

// Origin returns scheme://host:port of an absolute http(s) URL: lower case, the port always
// there, no trailing dot, so that two spellings of one place compare equal. It is what tells
// whether a secret would go where it was written for.
func Origin(endpoint string) (string, error) {
	u, err := parseEndpoint(endpoint)
	if err != nil {
		return "", fmt.Errorf("the endpoint is no usable URL: %w", err)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + net.JoinHostPort(bareHost(u), port), nil
}

// bareHost is the host name as globs and origins see it: lower case, without the root's dot.
func bareHost(u *url.URL) string {
	return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
}

// IsLoopback tells whether a URL names this very machine (RFC 8252 section 7.3), from which nothing travels.
func IsLoopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return bareHost(u) == "localhost" || ip != nil && ip.IsLoopback()
}

// ValidPort tells whether a URL names a port that there is, or none.
func ValidPort(u *url.URL) bool {
	if u.Port() == "" {
		return true
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && port > 0
}

// CheckHost returns an error unless the options permit a request to the URL: https, or http with
// AllowInsecure, and a host name that a glob of AllowedHosts matches in any case. Exchange and
// Revoke call it on every request; callers use it to refuse a definition when it is written.
func (o Options) CheckHost(endpoint string) error {
	u, err := parseEndpoint(endpoint)
	if err != nil {
		return fmt.Errorf("the endpoint is no usable URL: %w", err)
	}
	if u.Scheme == "http" && !o.AllowInsecure {
		return errors.New("the endpoint must start with https:// (allow_insecure_endpoints permits http:// for tests)")
	}
	if len(o.AllowedHosts) == 0 {
		return nil
	}
	for _, glob := range o.AllowedHosts {
		if ok, err := path.Match(strings.ToLower(glob), bareHost(u)); err == nil && ok {
			return nil
		}
	}
	return errors.New("the endpoint's host is not among allowed_hosts; add it there, or correct the endpoint")
}

// CheckHostGlobs returns an error when a glob of allowed_hosts is malformed, or can never match
// because it is more than a host name. '*' stands for any characters, dots included.
func CheckHostGlobs(globs []string) error {
	for _, glob := range globs {
		if _, err := path.Match(glob, ""); err != nil || glob == "" || strings.ContainsAny(glob, "/@ ") || strings.Count(glob, ":") == 1 {
			return errors.New(`allowed_hosts takes host names and globs on them, such as "*.example.com", without scheme, port or path`)
		}
	}
	return nil
}

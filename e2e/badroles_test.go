package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"
)

const tenMiB = 10 << 20

// badRoles are mistakes in a role, each made on one that exists and on one that doesn't.
func badRoles(t *testing.T, s *sandbox) []badInput {
	file := func(name string) string {
		text, err := os.ReadFile(s.env[name])
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	password := s.env["ISABEL_PFX_PASSWORD"]
	strangerCert, strangerKey := pair(t, time.Now().Add(time.Hour))
	expiredCert, expiredKey := pair(t, time.Now().Add(-time.Hour))
	type fields = map[string]any
	var cases []badInput
	for name, c := range map[string]struct {
		fields fields
		says   string
	}{
		"unknown field":             {fields{"client_secert": "zq7-typo-value"}, "client_secert"},
		"unknown provider":          {fields{"provider": "zq7-nobody"}, "provider"},
		"unknown grant type":        {fields{"grant_type": "zq7-password"}, "grant_type"},
		"private_key_jwt":           {fields{"token_endpoint_auth_method": "private_key_jwt"}, "assertion_private_key"},
		"unknown auth method":       {fields{"token_endpoint_auth_method": "zq7-magic"}, "token_endpoint_auth_method"},
		"unknown request format":    {fields{"request_format": "zq7-xml"}, "request_format"},
		"missing parameter":         {fields{"provider": "pingone", "provider_params": "region=com"}, "environment_id"},
		"unknown parameter":         {fields{"provider_params": "domian=zq7.my.salesforce.com"}, "provider_params"},
		"parameter with a path":     {fields{"provider_params": "domain=evil.example/x#"}, "domain"},
		"parameter with user info":  {fields{"provider_params": "domain=login.salesforce.com@evil.example"}, "domain"},
		"parameter with a port":     {fields{"provider_params": "domain=login.salesforce.com:8443"}, "domain"},
		"parameter, look-alike":     {fields{"provider_params": "domain=login.salesforce.com.evil.example"}, "domain"},
		"parameter with a query":    {fields{"provider_params": "site=/zq7?x=1"}, "site"},
		"parameter that climbs":     {fields{"provider_params": "site=/../zq7"}, "site"},
		"environment that climbs":   {fields{"provider": "pingone", "provider_params": "environment_id=../../zq7"}, "environment_id"},
		"host that is not allowed":  {fields{"provider": "keliweb", "provider_params": ""}, "allowed_hosts"},
		"no certificate":            {fields{"provider": "isabel-connect"}, "certificate"},
		"base64 that is none":       {fields{"pfx": "zq7!!not*base64", "pfx_password": password}, "base64"},
		"binary PFX":                {fields{"pfx": file("ISABEL_PFX"), "pfx_password": password}, "base64"},
		"PFX that is none":          {fields{"pfx": base64.StdEncoding.EncodeToString([]byte("zq7 this is no PFX at all")), "pfx_password": password}, "pfx"},
		"half a PFX":                {fields{"pfx": file("ISABEL_PFX_B64")[:400], "pfx_password": password}, "pfx"},
		"wrong PFX password":        {fields{"pfx": file("ISABEL_PFX_B64"), "pfx_password": "zq7-wrong"}, "password"},
		"no PFX password":           {fields{"pfx": file("ISABEL_PFX_B64")}, "password"},
		"malformed certificate":     {fields{"client_certificate": "zq7-no-pem", "client_private_key": strangerKey}, "client_certificate"},
		"malformed key":             {fields{"client_certificate": strangerCert, "client_private_key": "zq7-no-pem"}, "client_private_key"},
		"somebody else's key":       {fields{"client_certificate": file("ISABEL_CERT"), "client_private_key": strangerKey}, "belongs to none of the certificates"},
		"wrong key password":        {fields{"client_certificate": file("ISABEL_CERT"), "client_private_key": file("ISABEL_KEY"), "client_private_key_password": "zq7-wrong"}, "password"},
		"certificate without key":   {fields{"client_certificate": strangerCert}, "client_private_key"},
		"expired certificate":       {fields{"client_certificate": expiredCert, "client_private_key": expiredKey}, "expired"},
		"malformed CA":              {fields{"ca_certificate": "zq7-no-pem"}, "ca_certificate"},
		"header with a line break":  {fields{"token_headers": "X-Zq=zq7\r\nEvil: zq7"}, "token_headers"},
		"negative ttl":              {fields{"ttl": "-987654s"}, "ttl"},
		"absurd ttl":                {fields{"ttl": "99999999999h"}, "ttl"},
		"ttl that is no duration":   {fields{"ttl": "zq7-tomorrow"}, "ttl"},
		"negative refresh window":   {fields{"refresh_window": "-987654s"}, "refresh_window"},
		"negative keep-alive":       {fields{"keepalive_period": "-987654s"}, "keepalive_period"},
		"negative assumed lifetime": {fields{"assumed_token_ttl": "-987654s"}, "assumed_token_ttl"},
		"secret that is an object":  {fields{"client_secret": fields{"zq7": "zq7-nested-secret"}}, "client_secret"},
		"10 MiB secret":             {fields{"client_secret": strings.Repeat("zq7.", tenMiB/4)}, "client_secret"},
		"10 MiB PFX":                {fields{"pfx": strings.Repeat("zq7A", tenMiB/4)}, "pfx"},
		"10 MiB scope":              {fields{"scope": strings.Repeat("zq7 ", tenMiB/4)}, "scope"},
	} {
		whole := fields{"provider": "salesforce", "client_id": "app", "client_secret": "zq7-secret", "refresh_token": "zq7-token"}
		maps.Copy(whole, c.fields)
		cases = append(cases,
			badInput{name + ", existing role", "roles/good", c.fields, c.says},
			badInput{name + ", new role", "roles/fresh", whole, c.says})
	}
	return cases
}

// pair makes a self-signed client certificate and its key.
func pair(t *testing.T, notAfter time.Time) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pairOf(t, private, notAfter)
}

func pairOf(t *testing.T, private crypto.Signer, notAfter time.Time) (certificate, key string) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "stranger"},
		NotBefore: notAfter.Add(-100 * 24 * time.Hour), NotAfter: notAfter,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", pkcs8)
}

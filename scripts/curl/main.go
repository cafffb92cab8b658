// Command curl is as much of curl as the call in docs/systems.md needs: a GET with a client certificate, through a proxy.
// The demo and the end-to-end tests build it on machines that have none.
package main

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// call is what the command line says, in curl's words.
type call struct {
	proxy, cacert, cert, certType, output, writeOut string
	fail                                            bool
	header                                          http.Header
}

func main() {
	c := call{header: http.Header{}}
	flag.StringVar(&c.proxy, "proxy", "", "")
	flag.StringVar(&c.cacert, "cacert", "", "")
	flag.StringVar(&c.cert, "cert", "", "")
	flag.StringVar(&c.certType, "cert-type", "PEM", "")
	flag.StringVar(&c.output, "output", "", "")
	flag.StringVar(&c.writeOut, "write-out", "", "")
	flag.BoolVar(&c.fail, "fail", false, "")
	flag.Bool("silent", true, "")
	flag.Bool("show-error", true, "")
	flag.Func("header", "", c.addHeader)
	flag.Parse()
	if err := c.get(flag.Arg(0)); err != nil {
		fmt.Fprintln(os.Stderr, "curl:", err)
		os.Exit(22)
	}
}

// addHeader takes "Name: value", or @file with such lines.
func (c *call) addHeader(text string) error {
	if name, ok := strings.CutPrefix(text, "@"); ok {
		lines, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		text = string(lines)
	}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			c.header.Set(name, strings.TrimSpace(value))
		}
	}
	return nil
}

func (c *call) get(target string) error {
	config, err := c.tls()
	if err != nil {
		return err
	}
	transport := &http.Transport{TLSClientConfig: config}
	if c.proxy != "" {
		proxy, err := url.Parse(c.proxy)
		if err != nil {
			return err
		}
		transport.Proxy = http.ProxyURL(proxy)
	}
	request, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	request.Header = c.header
	// No redirects, as without --location: what answers with one would choose who is shown the certificate.
	client := &http.Client{Transport: transport, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if c.fail && response.StatusCode >= 400 {
		return fmt.Errorf("the requested URL returned error: %d", response.StatusCode)
	}
	out, err := os.Create(cmp.Or(c.output, "/dev/stdout"))
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, response.Body); err != nil {
		return err
	}
	fmt.Print(strings.ReplaceAll(c.writeOut, "%{http_code}", strconv.Itoa(response.StatusCode)))
	return nil
}

func (c *call) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.cacert != "" {
		roots, err := os.ReadFile(c.cacert)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		config.RootCAs.AppendCertsFromPEM(roots)
	}
	if c.cert == "" {
		return config, nil
	}
	load := loadPEM
	if c.certType == "P12" {
		load = loadP12
	}
	pair, err := load(c.cert)
	config.Certificates = []tls.Certificate{pair}
	return config, err
}

// loadPEM reads a file with chain and key.
func loadPEM(name string) (tls.Certificate, error) { return tls.LoadX509KeyPair(name, name) }

// loadP12 reads file:password.
func loadP12(text string) (tls.Certificate, error) {
	name, password, ok := strings.Cut(text, ":")
	if !ok {
		return tls.Certificate{}, errors.New("--cert takes file:password here")
	}
	file, err := os.ReadFile(name)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, leaf, chain, err := pkcs12.DecodeChain(file, password)
	if err != nil {
		return tls.Certificate{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return tls.Certificate{}, err
	}
	text = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}))
	for _, issuer := range chain {
		text += string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: issuer.Raw}))
	}
	return tls.X509KeyPair([]byte(text), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

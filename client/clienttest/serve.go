package clienttest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.dials++
		s.mu.Unlock()
		s.handlers.Go(func() { s.serve(conn) })
	}
}

// serve carries one request from its first byte to the end of its connection.
func (s *Server) serve(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	var state tls.ConnectionState
	if !s.options.Plain {
		secure := tls.Server(conn, s.secure())
		if secure.Handshake() != nil {
			return
		}
		state = secure.ConnectionState()
		conn = secure
		defer secure.Close()
	}
	request, err := readRequest(conn)
	if err != nil {
		return
	}
	request.PeerCertificates, request.Resumed = state.PeerCertificates, state.DidResume
	answer := s.next(request)
	answer.undated = s.options.Plain // such servers are for tests with a clock of their own, which this one isn't by
	answer.send(conn, s.stop)
}

// next records the request and picks its answer.
func (s *Server) next(r *Request) Answer {
	s.mu.Lock()
	s.requests = append(s.requests, r)
	s.arrived.Broadcast()
	handler := s.handler
	if len(s.queue) > 0 {
		answer := s.queue[0]
		s.queue = s.queue[1:]
		s.mu.Unlock()
		return answer
	}
	s.mu.Unlock()
	if handler == nil {
		return Answer{Status: 500, Body: "clienttest: no answer is queued"}
	}
	return handler(r)
}

func readRequest(conn net.Conn) (*Request, error) {
	var raw bytes.Buffer
	parsed, err := http.ReadRequest(bufio.NewReader(io.TeeReader(conn, &raw)))
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(parsed.Body)
	if err != nil {
		return nil, err
	}
	r := &Request{
		Method: parsed.Method, Path: parsed.RequestURI, Proto: parsed.Proto, Host: parsed.Host,
		Header: parsed.Header, Body: body, Form: url.Values{}, Raw: raw.Bytes(),
	}
	if parsed.Header.Get("Content-Type") == "application/x-www-form-urlencoded" {
		r.Form, err = url.ParseQuery(string(body))
	}
	return r, err
}
